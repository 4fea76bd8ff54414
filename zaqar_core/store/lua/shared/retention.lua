-- retention: messages that have no end of their own expire in the order in which they were sent, the order of their
-- seqs in each band.
-- expired_until: what was sent until this ms is past the retention.
-- expire_oldest: remove such messages. Searches `most` messages, and 20 more in each band. Returns how many it removed,
-- and whether more may be left. The queue's field `swept` is a seq up to which none is left in any band: a message that
-- is not past the retention ends the search, one with an end of its own is passed once. A function that returns a
-- message to an old position must call lower_swept.
-- uses: base_key, DELAYED, expired, flags_of, GROUPED, has_flag, LEASED, MOVED, now_ms, order_key, queue, records_key
-- uses: removal_of, remove_messages, sent_of, state_of, states_key
local function expired_until() return math.max(now_ms - queue.retention_ms, queue.horizon_ms) end
local function lower_swept(seq)
  local swept = tonumber(call('HGET', base_key, 'swept') or 0)
  if tonumber(seq) <= swept then call('HSET', base_key, 'swept', string.format('%.0f', seq - 1)) end
end
local function expire_oldest(most)
  local until_ms, swept = expired_until(), tonumber(call('HGET', base_key, 'swept') or 0)
  local gone, searched, last, reached, left = {}, 0, 0, math.huge, false
  -- search a band; return the last seq searched, and whether nothing behind it is past the retention
  local function sweep(band, limit)
    local low, high = string.format('(%.1f', band + swept + 0.5), string.format('(%.0f', band + LEASED)
    local seqs, upto = call('ZRANGEBYSCORE', order_key, low, high, 'LIMIT', 0, limit), swept
    for _, seq in ipairs(seqs) do
      local record = call('HGET', records_key, seq)
      if record and not has_flag(flags_of(record), MOVED) and sent_of(record) > until_ms then return upto, true end
      local state = record and state_of(call('HGET', states_key, seq))
      if record and expired(record, state) then gone[#gone + 1] = removal_of(seq, record, state) end
      upto, searched = tonumber(seq), searched + 1
    end
    return upto, #seqs < limit
  end
  for _, band in ipairs({ 0, LEASED, DELAYED, GROUPED }) do
    local upto, is_done = sweep(band, math.max(most - searched, 20))
    last = math.max(last, upto)
    if not is_done then reached, left = math.min(reached, upto), true end
  end
  remove_messages(gone)
  reached = math.min(reached, last)
  if reached > swept then call('HSET', base_key, 'swept', string.format('%.0f', reached)) end
  return #gone, left
end
