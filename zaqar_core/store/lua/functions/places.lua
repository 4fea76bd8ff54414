-- places: where queues are.
-- keys:  sf1:{pools}.   args: address of each.
-- reply: {real time ms, revision, per queue {incarnation, since ms, pool} or 0}.
-- fails: nothing.   cost: O(k).
-- uses: place_of, Q, real_ms
local reply = { real_ms(), tonumber(call('HGET', Q, 'rev') or 0) }
for at = 1, #ARGV do
  local inc, since, pool = place_of(ARGV[at])
  reply[#reply + 1] = inc and { inc, tonumber(since), pool } or 0
end
return reply
