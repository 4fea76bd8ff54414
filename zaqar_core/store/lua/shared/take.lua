-- take: pop up to n receivable messages, oldest first, and count a receive for each.
-- Expired ones met on the way are forgotten; those past the queue's receive limit become intents of a move (Q:mi).
-- Looks at no more than n + 100. The script opens the queue by open_to_take.
-- Returns the messages as {seq, record, state}, how many intents were written, and whether the bound ended the search.
-- An intent: [destination, record, count, first ms, age ms, own life left ms, ttl s of a lengthened life, ttl s that
-- the destination is to give]; -1 where there is none.
local MI = Q .. ':mi'
local function intend(seq, record, state)
  local own = call('ZSCORE', E, seq)
  forget(seq, flags_of(record), state[TTL] > 0)
  local age = q.now - tonumber(string.sub(record, 1, 13))
  local left = own and math.max(tonumber(own) - q.now, 0) or -1
  local intent = { q.dlq, record, state[COUNT], state[FIRST], age, left, state[TTL], q.dead_ttl or -1 }
  call('HSET', MI, seq, cmsgpack.pack(intent))
end
local function open_to_take(...)
  return open('dead_letter_queue', 'max_receive_count', 'dlq_missing', 'dead_letter_ttl_seconds', ...)
end
local function take(n, nonce, claim)
  local most_receives, resting = tonumber(q.f[8] or nil), tonumber(q.f[9] or 0)
  q.dlq, q.dead_ttl = q.f[7], tonumber(q.f[10] or nil)
  local moves = q.dlq and q.dlq ~= '' and most_receives and resting <= q.now
  local taken, intents, budget = {}, 0, n + 100
  while #taken < n and budget > 0 do
    local popped = call('ZPOPMIN', R, n - #taken)
    if #popped == 0 then return taken, intents, false end
    local seqs = {}
    for i = 1, #popped, 2 do seqs[#seqs + 1] = popped[i] end
    local records, states = call('HMGET', M, unpack(seqs)), call('HMGET', S, unpack(seqs))
    budget = budget - #seqs
    for i, seq in ipairs(seqs) do
      local record, state = records[i], state_of(states[i])
      if record then
        if expired(record, state) then
          forget(seq, flags_of(record), state[TTL] > 0)
        elseif moves and state[COUNT] >= most_receives then
          intend(seq, record, state)
          intents = intents + 1
        else
          state[NONCE], state[COUNT], state[CLAIM], state[FLAGS] = nonce, state[COUNT] + 1, claim, flags_of(record)
          if state[FIRST] == 0 then state[FIRST] = q.now end
          taken[#taken + 1] = { seq, record, state }
        end
      end
    end
  end
  return taken, intents, #taken < n
end
