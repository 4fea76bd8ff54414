-- removal: remove all traces of messages. Each is {seq, flags, whether a claim extended its expiry, gid, start of its
-- lease}, as removal_of returns it. The rare indexes are touched only where the flags require it.
-- uses: base_key, flags_of, gid_of, has_feature, has_flag, MOVED, OWN_TTL, records_key, START, states_key, TTL, unindex
local function removal_of(seq, record, state)
  return { seq, flags_of(record), state[TTL] > 0, gid_of(record), state[START] }
end
local function remove_messages(gone)
  if #gone == 0 then return end
  local seqs, own_ends = {}, {}
  for i, one in ipairs(gone) do
    local seq, flags = one[1], one[2]
    seqs[i] = seq
    if one[3] or has_flag(flags, OWN_TTL) then own_ends[#own_ends + 1] = seq end
    if has_flag(flags, MOVED) then
      call('ZREM', base_key .. ':b', seq)
      local id = call('HGET', base_key .. ':i', 'of:' .. seq)
      if id then call('HDEL', base_key .. ':i', id, 'of:' .. seq) end
    end
  end
  if own_ends[1] then call('ZREM', base_key .. ':e', unpack(own_ends)) end
  call('HDEL', records_key, unpack(seqs))
  call('HDEL', states_key, unpack(seqs))
  unindex(gone, seqs)
  if has_feature('d') then call('ZREM', base_key .. ':d', unpack(seqs)) end
end
