-- placements: read which deployments have queues.
-- keys:  sf1:{pools}.
-- args:  address of each queue
-- reply: {real time ms, revision, per queue {incarnation, since ms, pool} or 0}.
-- fails: nothing.
-- effect: reads. It writes nothing.
-- cost:  O(k).
-- uses: base_key, placement_of, real_ms
local reply = { real_ms(), tonumber(call('HGET', base_key, 'rev') or 0) }
for at = 1, #ARGV do
  local inc, since, pool = placement_of(ARGV[at])
  reply[#reply + 1] = inc and { inc, tonumber(since), pool } or 0
end
return reply
