-- delete_received: messages are gone, whoever holds them now; FIFO demands that the receipt's lease is live.
-- keys:  Q.   args: incarnation, then per message: seq; fifo: nonce.
-- reply: how many were asked for; fifo: per message OK (gone now, or was) or EXPIRED.
-- fails: NOQUEUE; STALE (another incarnation).   cost: O(k log n).
-- uses: c, expired, FLAGS, forget, GID, had, KIND, know, L, M, NONCE, open, Q, q, S, settle, START, state_of, tell, TTL
local wrong
if KIND == 'plain' then wrong = know(call('HGET', Q, 'gen')) else wrong = open() end
if wrong then return wrong end
if ARGV[1] ~= c.inc then return { err = 'STALE' } end
local gone, words = {}, {}
if KIND == 'plain' and not had('e') then
  for at = 2, #ARGV do gone[at - 1] = { ARGV[at], 0 } end
else
  for at = 2, #ARGV, KIND == 'fifo' and 2 or 1 do
    local seq = ARGV[at]
    local packed = call('HGET', S, seq)
    local state = state_of(packed)
    local word = 'OK'
    if KIND == 'fifo' and packed then
      local ends = tonumber(call('ZSCORE', L, seq) or 0)
      if (state[NONCE] ~= ARGV[at + 1] or ends <= q.now) and not expired(call('HGET', M, seq), state) then
        word = 'EXPIRED'
      end
    end
    if packed and word == 'OK' then
      gone[#gone + 1] = { seq, state[FLAGS], state[TTL] > 0, state[GID], state[START] }
    end
    words[#words + 1] = word
  end
end
forget(gone)
local freed = settle()
if KIND ~= 'fifo' then return #ARGV - 1 end
tell(freed)
return words
