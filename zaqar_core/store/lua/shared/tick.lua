-- tick: what time alone has changed, in bounded steps; nothing is looked at before q.due, a lower bound of what comes.
-- Leases and delays that ended give their messages back, messages past an own end are forgotten, `most` of each kind.
-- Returns how many were forgotten. Messages that follow the retention expire in order: see expire_heads.
-- uses: back, c, doomed, expire_heads, expired, forget, had, KIND, L, M, NEVER, place, Q, q, S, settle, state_of, wake
-- uses (fifo): arrive, next_arrival, next_expiry
local function tick(most)
  if q.text < q.due then return 0 end
  local next_due, gone = math.huge, {}
  local function due_of(key, until_ms)
    local seqs = call('ZRANGEBYSCORE', key, '-inf', until_ms, 'LIMIT', 0, most)
    if #seqs > 0 then call('ZREM', key, unpack(seqs)) end
    return seqs
  end
  local function head_of(key, later)
    local at = tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
    if at then next_due = math.min(next_due, at + (later or 0)) end
  end
  local ended = due_of(L, q.now)
  local free = #ended
  if #ended > 0 then back(ended) end
  head_of(L)
  if had('d') then
    for _, seq in ipairs(due_of(Q .. ':d', q.now)) do
      local record = call('HGET', M, seq)
      if record then place(seq, record) end
      free = free + 1
    end
    head_of(Q .. ':d')
  end
  if had('e') then
    for pass = 1, 2 do
      local key = Q .. (pass == 1 and ':e' or ':b')
      for _, seq in ipairs(due_of(key, pass == 1 and q.now or math.max(q.now - c.keep, c.horizon))) do
        local record, state = call('HGET', M, seq), state_of(call('HGET', S, seq))
        if record and (pass == 1 or expired(record, state)) then gone[#gone + 1] = doomed(seq, record, state) end
      end
      head_of(key, pass == 2 and c.keep or 0)
    end
    forget(gone)
  end
  local expired_heads = 0
  if KIND == 'fifo' then
    arrive(most)
    expired_heads = expire_heads(most)
  end
  local freed = settle()
  wake(KIND == 'fifo' and freed or free)
  if KIND == 'fifo' then next_due = math.min(next_due, next_arrival(), next_expiry()) end
  if next_due == math.huge then
    call('HDEL', Q, 'due')
    q.due = NEVER
  else
    call('HSET', Q, 'due', next_due)
    q.due = string.format('%.0f', next_due)
  end
  return #gone + expired_heads
end
-- more has come due than one step looks at: what was not found may be there all the same
local function is_behind() return q.text >= q.due end
-- the next moment at which a message may become receivable, ms from now; -1 if none is known
local function next_due()
  return q.due == NEVER and -1 or math.max(q.due - q.now, 0)
end
