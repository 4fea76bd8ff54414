-- take: as plain/take, for a FIFO queue: take from the message group whose turn it is, in order, until one of its
-- messages is leased or delayed; then take from the next group. The function must end with update_groups.
-- uses: base_key, count_receive, GID, leases_key, now_ms, oldest_in_group, order_key, queue_delay, receive_limit
-- uses: records_key, remove_or_redrive, sent_of, seq_of_member, START, state_of, states_key, touch_group
local function take_visible(n, nonce, claim)
  local most = receive_limit()
  local taken, intents, budget = {}, 0, n + 100
  while #taken < n and budget > 0 do
    local gid = call('ZPOPMIN', base_key .. ':g')[1]
    if not gid then return taken, intents, false end
    budget = budget - 1
    touch_group(gid)
    local after, blocked = nil, false
    while not blocked and #taken < n and budget > 0 do
      local found = oldest_in_group(gid, n - #taken, after)
      if #found == 0 then break end
      local seqs = {}
      for i, one in ipairs(found) do seqs[i] = seq_of_member(one) end
      local records, states = call('HMGET', records_key, unpack(seqs)), call('HMGET', states_key, unpack(seqs))
      local leases = call('ZMSCORE', leases_key, unpack(seqs))
      after, budget = '(' .. found[#found], budget - #found
      for i, seq in ipairs(seqs) do
        local record, state = records[i], state_of(states[i])
        if not record then
          call('ZREM', order_key, seq)
          call('ZREM', base_key .. ':gm', found[i])
        elseif tonumber(leases[i] or 0) > now_ms or sent_of(record) + queue_delay() > now_ms then
          blocked = true
          break
        end
        local left = record and remove_or_redrive(seq, record, state, most)
        intents = intents + (left or 0)
        if record and not left then
          count_receive(state, record, nonce, claim)
          state[GID], state[START] = gid, now_ms
          taken[#taken + 1] = { seq, record, state }
        end
      end
    end
  end
  return taken, intents, #taken < n
end
