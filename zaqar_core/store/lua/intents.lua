-- intents: moves to other queues that are not finished; at most 100.
-- keys:  Q.   reply: {incarnation, seq, dest, record, count, first ms, age ms, left ms, ...}.   fails: NOQUEUE.
-- cost:  O(100).
-- uses: queue
local inc = call('HGET', Q, 'inc')
if not inc then return NOQUEUE end
local reply = { inc }
local page = call('HSCAN', Q .. ':mi', 0, 'COUNT', 100)[2]
for i = 1, math.min(#page, 200), 2 do
  local it = cmsgpack.unpack(page[i + 1])
  reply[#reply + 1] = page[i]
  for k = 1, 6 do reply[#reply + 1] = it[k] end
end
return reply
