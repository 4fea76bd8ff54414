-- due_work: apply what time alone has changed, in bounded steps; nothing is read before the queue's `due`.
-- process_due: make messages visible whose leases and delays have ended, remove messages past an end of their own,
-- `most` of each kind; returns how many were removed. Messages that follow the retention expire in order: see
-- retention.
-- uses: base_key, due_ms, expire_oldest, expired, has_feature, KIND, leases_key, make_visible, NEVER_DUE, now_ms, queue
-- uses: records_key, release, removal_of, remove_messages, state_of, states_key, update_groups, wake_waiters
-- uses (fifo): end_delays, next_delay_end, next_expiry
local function process_due(most)
  if now_ms < due_ms then return 0 end
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
  local ended = due_of(leases_key, now_ms)
  local free = #ended
  if #ended > 0 then release(ended) end
  head_of(leases_key)
  if has_feature('d') then
    for _, seq in ipairs(due_of(base_key .. ':d', now_ms)) do
      local record = call('HGET', records_key, seq)
      if record then make_visible(seq, record) end
      free = free + 1
    end
    head_of(base_key .. ':d')
  end
  if has_feature('e') then
    for pass = 1, 2 do
      local key = base_key .. (pass == 1 and ':e' or ':b')
      local until_ms = pass == 1 and now_ms or math.max(now_ms - queue.retention_ms, queue.horizon_ms)
      for _, seq in ipairs(due_of(key, until_ms)) do
        local record, state = call('HGET', records_key, seq), state_of(call('HGET', states_key, seq))
        if record and (pass == 1 or expired(record, state)) then gone[#gone + 1] = removal_of(seq, record, state) end
      end
      head_of(key, pass == 2 and queue.retention_ms or 0)
    end
    remove_messages(gone)
  end
  local expired_heads = 0
  if KIND == 'fifo' then
    end_delays(most)
    expired_heads = expire_oldest(most)
  end
  local freed = update_groups()
  wake_waiters(KIND == 'fifo' and freed or free)
  if KIND == 'fifo' then next_due = math.min(next_due, next_delay_end(), next_expiry()) end
  due_ms = math.min(next_due, NEVER_DUE)
  queue.due_ms = due_ms
  call('HSET', base_key, 'due', due_ms)
  return #gone + expired_heads
end
-- more has become due than one step processes: messages that were not found may exist
local function is_behind() return now_ms >= due_ms end
-- ms until the next message may become visible; -1 if no moment is known
local function next_due()
  return due_ms == NEVER_DUE and -1 or math.max(due_ms - now_ms, 0)
end
