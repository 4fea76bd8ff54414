-- intents: moves to other queues that are not finished; at most 100.
-- keys:  Q.   reply: {incarnation, creator, seq, dest, record, count, first ms, age ms, left ms, ...}; what is left is
--        the ttl for dead letters where the queue has one, else the message's own life, else -1.   fails: NOQUEUE.
-- cost:  O(100).
local queue = call('HMGET', Q, 'inc', 'by')
if not queue[1] then return NOQUEUE end
local page = call('HRANDFIELD', Q .. ':mi', 100, 'WITHVALUES')
for i = 1, #page, 2 do
  local it = cmsgpack.unpack(page[i + 1])
  queue[#queue + 1] = page[i]
  for k = 1, 5 do queue[#queue + 1] = it[k] end
  queue[#queue + 1] = it[8] >= 0 and it[8] * 1000 or it[6]
end
return queue
