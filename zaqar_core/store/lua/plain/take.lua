-- take: up to n receivable messages, oldest first, counted as received; the function leases, forgets or gives them back.
-- Expired ones met on the way are forgotten; those past the receive limit become intents of a move: see dead.
-- Looks at no more than n + 100.
-- Returns the messages as {seq, record, state}, how many intents were written, and whether the bound ended the search.
-- uses: A, expired, flags_of, FRESH, LEASED, M, most_receives, pass_over, q, receive_again, S, state_of
local function take(n, nonce, claim)
  local most, taken, intents, budget = most_receives(), {}, 0, n + 100
  while #taken < n and budget > 0 do
    local found = call('ZRANGE', A, #taken, n - 1, 'WITHSCORES')
    if not found[1] or tonumber(found[2]) >= LEASED then return taken, intents, false end
    local seqs, known_ones = { found[1] }, found[1] ~= found[2]
    for i = 3, #found, 2 do
      if tonumber(found[i + 1]) >= LEASED then break end
      seqs[#seqs + 1] = found[i]
      known_ones = known_ones or found[i] ~= found[i + 1]
    end
    local records = seqs[2] and call('HMGET', M, unpack(seqs)) or { call('HGET', M, seqs[1]) }
    local states = known_ones and call('HMGET', S, unpack(seqs))
    budget = budget - #seqs
    for i = 1, #seqs do
      local seq, record, packed = seqs[i], records[i], states and states[i]
      if not record then
        call('ZREM', A, seq)
      elseif packed or expired(record, FRESH) then
        local state = state_of(packed)
        local left = pass_over(seq, record, state, most)
        intents = intents + (left or 0)
        if not left then
          receive_again(state, record, nonce, claim)
          taken[#taken + 1] = { seq, record, state }
        end
      else
        taken[#taken + 1] = { seq, record, { nonce, 1, q.now, claim, 0, flags_of(record) } }
      end
    end
  end
  return taken, intents, #taken < n
end
