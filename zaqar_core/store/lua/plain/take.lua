-- take: up to n receivable messages, oldest first, counted as received; the script leases, forgets or gives them back.
-- Expired ones met on the way are forgotten; those past the receive limit become intents of a move: see dead.
-- Looks at no more than n + 100.
-- Returns the messages as {seq, record, state}, how many intents were written, and whether the bound ended the search.
local function take(n, nonce, claim)
  look_for_dead_letters()
  local taken, intents, budget = {}, 0, n + 100
  while #taken < n and budget > 0 do
    local found = call('ZRANGE', A, #taken, n - 1, 'WITHSCORES')
    local seqs, known = {}, false
    for i = 1, #found, 2 do
      if tonumber(found[i + 1]) >= LEASED then break end
      seqs[#seqs + 1] = found[i]
      known = known or found[i] ~= found[i + 1]
    end
    if #seqs == 0 then return taken, intents, false end
    local records, states = call('HMGET', M, unpack(seqs)), known and call('HMGET', S, unpack(seqs)) or {}
    local gone = {}
    budget = budget - #seqs
    for i, seq in ipairs(seqs) do
      local record, state = records[i], state_of(states[i])
      if expired(record, state) then
        gone[#gone + 1] = doomed(seq, record, state)
      elseif state[COUNT] >= q.most then
        intend(seq, record, state)
        intents = intents + 1
      else
        state[NONCE], state[COUNT], state[CLAIM], state[FLAGS] = nonce, state[COUNT] + 1, claim, flags_of(record)
        if state[FIRST] == 0 then state[FIRST] = q.now end
        taken[#taken + 1] = { seq, record, state }
      end
    end
    forget(gone)
  end
  return taken, intents, #taken < n
end
