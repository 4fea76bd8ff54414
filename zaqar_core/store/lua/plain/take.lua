-- take: take up to n visible messages, oldest first, counted as received; the function then leases, deletes or releases
-- them. Expired ones that are found are removed; those past the receive limit become intents of a move: see
-- dead_letters. Reads no more than n + 100.
-- Returns the messages as {seq, record, state}, how many intents were written, and whether the bound ended the search.
-- Messages may share one table as their state: whoever changes it must copy it first. found: the first n of Q:a with
-- their scores, if the caller has read them (plain queues only: see fresh).
-- uses: count_receive, expired, FLAGS, flags_of, LEASED, now_ms, order_key, receive_limit, records_key
-- uses: remove_or_redrive, state_of, states_key, UNRECEIVED
local function take_visible(n, nonce, claim, found)
  local most, taken, intents, budget, first_state = receive_limit(), {}, 0, n + 100, nil
  while #taken < n and budget > 0 do
    found = found or call('ZRANGE', order_key, #taken, n - 1, 'WITHSCORES')
    if not found[1] or tonumber(found[2]) >= LEASED then return taken, intents, false end
    local seqs, known_ones = { found[1] }, found[1] ~= found[2]
    for i = 3, #found, 2 do
      if tonumber(found[i + 1]) >= LEASED then break end
      seqs[#seqs + 1] = found[i]
      known_ones = known_ones or found[i] ~= found[i + 1]
    end
    local records = seqs[2] and call('HMGET', records_key, unpack(seqs)) or { call('HGET', records_key, seqs[1]) }
    local states = known_ones and call('HMGET', states_key, unpack(seqs))
    budget = budget - #seqs
    for i = 1, #seqs do
      local seq, record, packed = seqs[i], records[i], states and states[i]
      if not record then
        call('ZREM', order_key, seq)
      elseif packed or expired(record, UNRECEIVED) then
        local state = state_of(packed)
        local left = remove_or_redrive(seq, record, state, most)
        intents = intents + (left or 0)
        if not left then
          count_receive(state, record, nonce, claim)
          taken[#taken + 1] = { seq, record, state }
        end
      else
        local flags = flags_of(record)
        if not first_state or first_state[FLAGS] ~= flags then
          first_state = { nonce, 1, now_ms, claim, 0, flags }
        end
        taken[#taken + 1] = { seq, record, first_state }
      end
    end
    found = nil
  end
  return taken, intents, #taken < n
end
