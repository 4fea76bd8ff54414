-- forget: no trace of a message remains. Costs O(log n); the rare indexes are touched only where flags say so.
local function forget(seq, flags, own_end)
  call('HDEL', M, seq)
  call('HDEL', S, seq)
  if call('ZREM', R, seq) == 0 then
    if call('ZREM', L, seq) == 0 then call('ZREM', D, seq) end
    call('ZREM', X, seq)
  end
  if own_end or has(flags, OWN_TTL) then call('ZREM', E, seq) end
  if has(flags, MOVED) then
    call('ZREM', B, seq)
    local id = call('HGET', I, 'of:' .. seq)
    if id then call('HDEL', I, id, 'of:' .. seq) end
  end
end
local function forget_known(seq, record, packed)
  forget(seq, flags_of(record), packed and state_of(packed)[TTL] > 0)
end
