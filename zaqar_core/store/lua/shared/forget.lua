-- forget: no trace of messages remains. Each is {seq, flags, life was lengthened, gid, start of its lease}: see doomed().
-- The rare indexes are touched only where flags say so.
-- uses: flags_of, gid_of, had, has, M, MOVED, OWN_TTL, Q, S, START, TTL, unindex
local function doomed(seq, record, state)
  return { seq, flags_of(record), state[TTL] > 0, gid_of(record), state[START] }
end
local function forget(gone)
  if #gone == 0 then return end
  local seqs = {}
  for i, one in ipairs(gone) do
    local seq, flags = one[1], one[2]
    seqs[i] = seq
    if one[3] or has(flags, OWN_TTL) then call('ZREM', Q .. ':e', seq) end
    if has(flags, MOVED) then
      call('ZREM', Q .. ':b', seq)
      local id = call('HGET', Q .. ':i', 'of:' .. seq)
      if id then call('HDEL', Q .. ':i', id, 'of:' .. seq) end
    end
  end
  call('HDEL', M, unpack(seqs))
  call('HDEL', S, unpack(seqs))
  unindex(gone, seqs)
  if had('d') then call('ZREM', Q .. ':d', unpack(seqs)) end
end
