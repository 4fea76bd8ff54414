-- dead: the dead-letter rule. A message past the queue's receive limit becomes an intent of a move (Q:mi) instead of
-- being given. An intent: [destination, record, count, first ms, age ms, own life left ms, ttl s of a lengthened life,
-- ttl s that the destination is to give]; -1 where there is none.
local function look_for_dead_letters()
  q.most = math.huge
  if not had('r') then return end
  local f = call('HMGET', Q, 'dead_letter_queue', 'max_receive_count', 'dlq_missing', 'dead_letter_ttl_seconds')
  if f[1] and f[1] ~= '' and f[2] and tonumber(f[3] or 0) <= q.now then
    q.dead, q.most, q.dead_ttl = f[1], tonumber(f[2]), tonumber(f[4] or -1)
  end
end
local function intend(seq, record, state)
  local own = call('ZSCORE', Q .. ':e', seq)
  local left = own and math.max(own - q.now, 0) or -1
  local age = q.now - sent_of(record)
  local intent = { q.dead, record, state[COUNT], state[FIRST], age, left, state[TTL], q.dead_ttl }
  call('HSET', Q .. ':mi', seq, cmsgpack.pack(intent))
  forget({ doomed(seq, record, state) })
end
