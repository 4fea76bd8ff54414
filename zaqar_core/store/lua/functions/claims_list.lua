-- claims_list: list the Zaqar claims that have not ended, in the order of their ends.
-- keys:  the queue.
-- args:  most claims
-- reply: {now ms, {claim id, created ms, ttl s, its end ms, number of messages that it still holds} ...}.
-- fails: NOQUEUE.
-- effect: reads. It writes nothing.
-- cost:  O(log n + k) for the k messages of these claims.
-- uses: base_key, CLAIM, leases_key, now_ms, open_any_queue, state_of, states_key
local wrong = open_any_queue()
if wrong then return wrong end
local now = string.format('(%.0f', now_ms)
local rows = call('ZRANGEBYSCORE', base_key .. ':cx', now, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[1])
local reply = { now_ms }
for i = 1, #rows, 2 do
  local id, ends = rows[i], tonumber(rows[i + 1])
  local claim, held = cmsgpack.unpack(call('HGET', base_key .. ':c', id)), 0
  for j = 3, #claim do
    local seq = string.format('%.0f', claim[j])
    local packed, lease = call('HGET', states_key, seq), tonumber(call('ZSCORE', leases_key, seq) or 0)
    if packed and lease > now_ms and state_of(packed)[CLAIM] == id then held = held + 1 end
  end
  reply[#reply + 1] = { id, claim[1], claim[2], ends, held }
end
return reply
