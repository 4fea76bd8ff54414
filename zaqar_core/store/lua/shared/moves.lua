-- moves: the first step of a move: the message leaves this queue, and its intent stays (Q:mi, in the order of Q:mo).
-- An intent: [destination, record, count, first receive ms, age ms, own ttl left ms, ttl s of an extended expiry, ttl s
-- that the destination is to set, its id if it was moved in here, move task]; -1 and '' where there is none. The
-- destination is the name of a queue of the same project; for a move task it is an address, '' for the message's own
-- source.
-- uses: base_key, COUNT, FIRST, flags_of, has_flag, MOVED, now_ms, removal_of, remove_messages, sent_of, TTL
local function begin_move(seq, record, state, destination, dead_ttl, task)
  local own = call('ZSCORE', base_key .. ':e', seq)
  local left = own and math.max(own - now_ms, 0) or -1
  local age = now_ms - sent_of(record)
  local id = has_flag(flags_of(record), MOVED) and call('HGET', base_key .. ':i', 'of:' .. seq) or ''
  local intent = { destination, record, state[COUNT], state[FIRST], age, left, state[TTL], dead_ttl, id, task }
  call('HSET', base_key .. ':mi', seq, cmsgpack.pack(intent))
  call('ZADD', base_key .. ':mo', seq, seq)
  remove_messages({ removal_of(seq, record, state) })
end
