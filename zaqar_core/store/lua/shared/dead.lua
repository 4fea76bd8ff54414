-- dead: the dead-letter rule. A message past the queue's receive limit becomes an intent of a move (Q:mi) instead of
-- being given. An intent: [destination, record, count, first ms, age ms, own life left ms, ttl s of a lengthened life,
-- ttl s that the destination is to give]; -1 where there is none.
local function most_receives() return c.dead and c.dead_after <= q.now and c.most or math.huge end
local function intend(seq, record, state)
  local own = call('ZSCORE', Q .. ':e', seq)
  local left = own and math.max(own - q.now, 0) or -1
  local age = q.now - sent_of(record)
  local intent = { c.dead, record, state[COUNT], state[FIRST], age, left, state[TTL], c.dead_ttl }
  call('HSET', Q .. ':mi', seq, cmsgpack.pack(intent))
  forget({ doomed(seq, record, state) })
end
