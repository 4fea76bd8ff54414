-- counts: read the queue, and count the messages that are visible, in flight and delayed. Expired ones are removed in a
-- step, and left out of the counts: see live_counts. FIFO: messages behind an unfinished one of their group count as
-- visible; delayed ones are found by binary search.
-- keys:  the queue.
-- args:  "counts", "stats" or "figures"
-- reply: {visible, in flight, delayed, 1 if more has become due than one step processes, {oldest}, {newest}, now ms,
--        retention s, field, value ...}; oldest and newest as in list, 0 in an empty queue and for "counts". For
--        "figures" they are the time at which the oldest message was sent, ms, and the seq of the newest one ever sent.
-- fails: NOQUEUE; GROUPED.
-- effect: reads.
-- cost:  O(log n); with expired messages left, or in a fifo queue with a delay, O(log^2 n).
-- uses: all_settings, base_key, count_live, DELAYED, delayed_until, expire_oldest, first_live, GROUPED, is_behind
-- uses: is_over, LEASED, leased_until, now_ms, now_text, open_queue, order_key, process_due, queue, rank_of_band
-- uses: records_key, sent_of, state_of, states_key, update_groups
local wrong = open_queue()
if wrong then return wrong end
process_due(200)
local _, left = expire_oldest(200)
update_groups()
-- the oldest or newest live message of a band, among the 20 at that end
local function end_of_band(band, newest)
  local low, high = string.format('%.0f', band), string.format('(%.0f', band + LEASED)
  local seqs
  if newest then
    seqs = call('ZREVRANGEBYSCORE', order_key, high, low, 'LIMIT', 0, 20)
  elseif left then
    local expired, first = first_live(band)
    first = first + expired
    local last = math.min(first + 20, rank_of_band(band + LEASED)) - 1
    seqs = last >= first and call('ZRANGE', order_key, first, last) or {}
  else
    seqs = call('ZRANGEBYSCORE', order_key, low, high, 'LIMIT', 0, 20)
  end
  for _, seq in ipairs(seqs) do
    local record, packed = call('HGET', records_key, seq), call('HGET', states_key, seq)
    if record and not is_over(seq, record, state_of(packed)) then return tonumber(seq) end
  end
end
local function end_of_queue(newest)
  local found
  for _, band in ipairs({ 0, LEASED, DELAYED, GROUPED }) do
    local seq = end_of_band(band, newest)
    if seq and (not found or (newest and seq > found) or (not newest and seq < found)) then found = seq end
  end
  -- behind 20 that are past an end of their own: the one whose end is next
  local seq = found and string.format('%.0f', found)
    or call('ZRANGEBYSCORE', base_key .. ':e', '(' .. now_text(), '+inf', 'LIMIT', 0, 1)[1]
  local record = seq and call('HGET', records_key, seq)
  if record then return seq, record end
end
local function shown(newest)
  local seq, record = end_of_queue(newest)
  if not seq then return 0 end
  return { seq, record, call('HGET', states_key, seq) or '', leased_until(seq), delayed_until(seq, record) }
end
local oldest_shown, newest_shown = 0, 0
if ARGV[1] == 'stats' then oldest_shown, newest_shown = shown(false), shown(true) end
if ARGV[1] == 'figures' then
  local _, record = end_of_queue(false)
  oldest_shown, newest_shown = record and sent_of(record) or 0, tonumber(call('HGET', base_key, 'seq') or 0)
end
local visible, in_flight, delayed = count_live(left)
local reply = {
  visible, in_flight, delayed, is_behind() and 1 or 0, oldest_shown, newest_shown, now_ms,
  queue.retention_ms / 1000,
}
for _, value in ipairs(all_settings()) do reply[#reply + 1] = value end
return reply
