-- counts: read the queue, and count the messages that are visible, in flight and delayed; expired ones are removed
-- first. FIFO: messages behind an unfinished one of their group count as visible; delayed ones are found by binary
-- search.
-- keys:  the queue.
-- args:  "counts" or "stats"
-- reply: {visible, in flight, delayed, 1 if more have expired than one step removes, {oldest}, {newest}, now ms,
--        retention s, field, value ...}; oldest and newest as in list, 0 in an empty queue and for "counts".
-- fails: NOQUEUE; GROUPED.
-- effect: reads.
-- cost:  O(log n); fifo with a delay O(log^2 n).
-- uses: all_settings, base_key, context, DELAYED, delayed_until, expire_oldest, GROUPED, has_feature, KIND, LEASED
-- uses: leased_until, leases_key, open_queue, order_key, process_due, queue, records_key, sent_of, states_key
-- uses: update_groups
-- uses (fifo): queue_delay
local wrong = open_queue()
if wrong then return wrong end
local gone = process_due(200) + expire_oldest(200)
update_groups()
local function end_of_band(band, newest)
  local low, high = string.format('%.0f', band), string.format('(%.0f', band + LEASED)
  if newest then return call('ZREVRANGEBYSCORE', order_key, high, low, 'LIMIT', 0, 1)[1] end
  return call('ZRANGEBYSCORE', order_key, low, high, 'LIMIT', 0, 1)[1]
end
local function shown(newest)
  local found
  for _, band in ipairs({ 0, LEASED, DELAYED, GROUPED }) do
    local seq = tonumber(end_of_band(band, newest))
    if seq and (not found or (newest and seq > found) or (not newest and seq < found)) then found = seq end
  end
  local seq = found and string.format('%.0f', found)
  local record = seq and call('HGET', records_key, seq)
  if not record then return 0 end
  return { seq, record, call('HGET', states_key, seq) or '', leased_until(seq), delayed_until(seq, record) }
end
local function delayed_in_order()
  if queue_delay() == 0 then return 0 end
  local first = call('ZCOUNT', order_key, '-inf', string.format('(%.0f', GROUPED))
  local low, high = first, call('ZCARD', order_key)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local record = call('HGET', records_key, call('ZRANGE', order_key, middle, middle)[1])
    if record and sent_of(record) + queue_delay() > context.now_ms then high = middle else low = middle + 1 end
  end
  return call('ZCARD', order_key) - low
end
local oldest_shown, newest_shown = 0, 0
if ARGV[1] == 'stats' then oldest_shown, newest_shown = shown(false), shown(true) end
local in_flight = call('ZCOUNT', leases_key, '(' .. string.format('%.0f', context.now_ms), '+inf')
local delayed = 0
if KIND == 'fifo' then
  delayed = delayed_in_order()
elseif has_feature('d') then
  delayed = call('ZCOUNT', base_key .. ':d', '(' .. string.format('%.0f', context.now_ms), '+inf')
end
local reply = {
  call('ZCARD', order_key) - in_flight - delayed, in_flight, delayed, gone >= 200 and 1 or 0, oldest_shown,
  newest_shown, context.now_ms, queue.retention_ms / 1000,
}
for _, value in ipairs(all_settings()) do reply[#reply + 1] = value end
return reply
