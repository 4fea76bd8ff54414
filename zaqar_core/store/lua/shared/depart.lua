-- depart: the first step of a move: the message leaves this queue, its intent (Q:mi, in the order of Q:mo) stays.
-- An intent: [destination, record, count, first ms, age ms, own life left ms, ttl s of a lengthened life, ttl s that
-- the destination is to give, its id if it was moved in here, move task]; -1 and '' where there is none.
-- The destination is a name beside this queue; of a move task an address, '' for where the message came from.
-- uses: COUNT, doomed, FIRST, flags_of, forget, has, MOVED, q, Q, sent_of, TTL
local function depart(seq, record, state, destination, dead_ttl, task)
  local own = call('ZSCORE', Q .. ':e', seq)
  local left = own and math.max(own - q.now, 0) or -1
  local age = q.now - sent_of(record)
  local id = has(flags_of(record), MOVED) and call('HGET', Q .. ':i', 'of:' .. seq) or ''
  local intent = { destination, record, state[COUNT], state[FIRST], age, left, state[TTL], dead_ttl, id, task }
  call('HSET', Q .. ':mi', seq, cmsgpack.pack(intent))
  call('ZADD', Q .. ':mo', seq, seq)
  forget({ doomed(seq, record, state) })
end
