-- gauges: what monitoring shows of a queue: the counts of `counts`, the age of the oldest message, and the number of
-- notifications. The age is that of the oldest message that is visible or in flight. As at SQS, in a standard queue it
-- passes over messages that were received three times or more, and that of a dead letter begins with its move.
-- keys:  the queue.
-- reply: {visible, in flight, delayed, age ms (0 without such a message), messages in the outbox, deliveries to be tried
--        again, deliveries that ever failed for good, 1 if it is a FIFO queue, incarnation, name of its dead-letter
--        queue or ""}.
-- fails: NOQUEUE; GROUPED.
-- effect: reads.
-- cost:  as counts.
-- uses: ARRIVED, base_key, BEFORE, context, COUNT, count_live, expire_oldest, GROUPED, has_feature, is_over, KIND
-- uses: LEASED, open_queue, order_key, process_due, queue, records_key, sent_of, state_of, states_key, update_groups
local wrong = open_queue('failed')
if wrong then return wrong end
process_due(20)
local _, left = expire_oldest(20)
update_groups()
local MANY_RECEIVES, MOST_SEARCHED = 3, 10
local function oldest_of(band)
  local low, high = string.format('%.0f', band), string.format('(%.0f', band + LEASED)
  for _, seq in ipairs(call('ZRANGEBYSCORE', order_key, low, high, 'LIMIT', 0, MOST_SEARCHED)) do
    local record, state = call('HGET', records_key, seq), state_of(call('HGET', states_key, seq))
    local is_passed = KIND ~= 'fifo' and state[COUNT] - (state[BEFORE] or 0) >= MANY_RECEIVES
    if record and not is_passed and not is_over(seq, record, state) then
      local since = state[ARRIVED] or sent_of(record)
      if KIND ~= 'fifo' or since + queue.delay_ms <= context.now_ms then return since end
    end
  end
  return context.now_ms
end
local visible, in_flight, delayed = count_live(left)
local since = context.now_ms
if visible + in_flight > 0 then
  since = math.min(oldest_of(0), oldest_of(LEASED), oldest_of(GROUPED))
end
local outbox, retries = 0, 0
if has_feature('s') then outbox, retries = call('HLEN', base_key .. ':o'), call('ZCARD', base_key .. ':nd') end
return {
  visible, in_flight, delayed, context.now_ms - since, outbox, retries, tonumber(context.fields[4] or 0),
  KIND == 'fifo' and 1 or 0, queue.incarnation, queue.dead_letter_queue or '',
}
