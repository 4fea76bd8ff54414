-- delete_received: messages are gone, whoever holds them now; a standard queue ignores the nonce.
-- keys:  Q.   args: incarnation, then seq of each.   reply: how many were there.
-- fails: NOQUEUE; STALE (another incarnation).   cost: O(k log n).
-- uses: queue state forget
local inc = call('HGET', Q, 'inc')
if not inc then return NOQUEUE end
if ARGV[1] ~= inc then return { err = 'STALE' } end
local gone = 0
for at = 2, #ARGV do
  local packed = call('HGET', S, ARGV[at])
  if packed then
    local state = state_of(packed)
    forget(ARGV[at], state[FLAGS], state[TTL] > 0)
    gone = gone + 1
  end
end
return gone
