-- live_counts: count messages without those that have expired, although these are removed only in steps.
-- In each band, the messages past the retention come first among those that follow it: binary search finds their
-- number. Messages with an end of their own are counted by their ends, in whichever band they are; they are taken off
-- the visible ones first. Where a queue has both kinds, and more of them have expired than one step removes, some that
-- have not expired may be left out until they are removed; none is counted that has expired.
-- count_live: call it after process_due and expire_oldest; `left`: more may have expired than was removed. Returns the
-- numbers of visible, in-flight and delayed messages.
-- first_live: how many messages at the beginning of a band are past the retention, and the rank of the band's first.
-- rank_of_band: how many messages are in the bands before it.
-- uses: base_key, DELAYED, expired_until, flags_of, GROUPED, has_feature, has_flag, KIND, LEASED, leases_key, MOVED
-- uses: now_ms, order_key, queue, records_key, sent_of
local function rank_of_band(band) return call('ZCOUNT', order_key, '-inf', string.format('(%.0f', band)) end
-- the first rank of a message that was sent after until_ms. In a standard queue a moved message does not tell it by its
-- position; in a FIFO queue its age begins with the move.
local function first_sent_after(until_ms, low, high)
  while low < high do
    local middle, record = math.floor((low + high) / 2), nil
    local at = middle - 1
    while not record and at + 1 < math.min(middle + 20, high) do
      at = at + 1
      record = call('HGET', records_key, call('ZRANGE', order_key, at, at)[1])
      if record and KIND ~= 'fifo' and has_flag(flags_of(record), MOVED) then record = nil end
    end
    if record and sent_of(record) <= until_ms then low = at + 1 else high = middle end
  end
  return low
end
local function first_live(band)
  local first = rank_of_band(band)
  return first_sent_after(expired_until(), first, rank_of_band(band + LEASED)) - first, first
end
local function count_live(left)
  local all, now = call('ZCARD', order_key), string.format('%.0f', now_ms)
  local in_flight, delayed = call('ZCOUNT', leases_key, '(' .. now, '+inf'), 0
  if KIND ~= 'fifo' then
    delayed = has_feature('d') and call('ZCOUNT', base_key .. ':d', '(' .. now, '+inf') or 0
  elseif queue.delay_ms > 0 then
    delayed = all - first_sent_after(now_ms - queue.delay_ms, rank_of_band(GROUPED), all)
  end
  local visible = all - in_flight - delayed
  local most = all
  if left and has_feature('e') then -- the search also counts messages with an end of their own
    most = all - call('ZCARD', base_key .. ':e') - call('ZCARD', base_key .. ':b')
  end
  if left and most > 0 then
    local expired, leased = math.min(first_live(0) + first_live(GROUPED), most), math.min(first_live(LEASED), most)
    local late = KIND == 'fifo' and 0 or math.min(first_live(DELAYED), most)
    -- what is to leave a band, but did not yet, counts as visible
    local over = math.min(call('ZCARD', leases_key) - in_flight, leased)
    local begun = math.min(call('ZCARD', base_key .. ':d') - delayed, late)
    visible = visible - expired - over - begun
    in_flight, delayed = math.max(in_flight - leased + over, 0), math.max(delayed - late + begun, 0)
  end
  if has_feature('e') then
    local sent_until = string.format('%.0f', expired_until())
    visible = visible - call('ZCOUNT', base_key .. ':e', '-inf', now)
    visible = visible - call('ZCOUNT', base_key .. ':b', '-inf', sent_until)
  end
  return math.max(visible, 0), in_flight, delayed
end
