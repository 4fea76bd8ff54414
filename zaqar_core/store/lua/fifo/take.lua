-- take: up to n receivable messages of a FIFO queue: from the group whose turn it is, in order, until one of it is
-- leased or delayed; then from the next group. Otherwise as plain/take. The script ends with settle.
-- uses: A, GID, L, M, most_receives, oldest, pass_over, q, Q, queue_delay, receive_again, S, sent_of, seq_in, START
-- uses: state_of, touch
local function take(n, nonce, claim)
  local most = most_receives()
  local taken, intents, budget = {}, 0, n + 100
  while #taken < n and budget > 0 do
    local gid = call('ZPOPMIN', Q .. ':g')[1]
    if not gid then return taken, intents, false end
    budget = budget - 1
    touch(gid)
    local after, blocked = nil, false
    while not blocked and #taken < n and budget > 0 do
      local found = oldest(gid, n - #taken, after)
      if #found == 0 then break end
      local seqs = {}
      for i, one in ipairs(found) do seqs[i] = seq_in(one) end
      local records, states = call('HMGET', M, unpack(seqs)), call('HMGET', S, unpack(seqs))
      local leases = call('ZMSCORE', L, unpack(seqs))
      after, budget = '(' .. found[#found], budget - #found
      for i, seq in ipairs(seqs) do
        local record, state = records[i], state_of(states[i])
        if not record then
          call('ZREM', A, seq)
          call('ZREM', Q .. ':gm', found[i])
        elseif tonumber(leases[i] or 0) > q.now or sent_of(record) + queue_delay() > q.now then
          blocked = true
          break
        end
        local left = record and pass_over(seq, record, state, most)
        intents = intents + (left or 0)
        if record and not left then
          receive_again(state, record, nonce, claim)
          state[GID], state[START] = gid, q.now
          taken[#taken + 1] = { seq, record, state }
        end
      end
    end
  end
  return taken, intents, #taken < n
end
