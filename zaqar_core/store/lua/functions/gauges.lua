-- gauges: what monitoring shows of a queue: the counts of `counts`, the age of the oldest message, and the number of
-- notifications. The age is that of the oldest message that is visible or in flight. As at SQS, in a standard queue it
-- passes over messages that were received three times or more, and that of a dead letter begins with its move.
-- keys:  the queue.
-- reply: {visible, in flight, delayed, age ms (0 without such a message), messages in the outbox, deliveries to be
--        tried again, deliveries that ever failed for good, 1 if it may have subscriptions, incarnation, name of its
--        dead-letter queue or ""}.
-- fails: NOQUEUE; GROUPED.
-- effect: reads. It writes nothing, not even what time alone has changed: with an fsync after each write, a look at
--        many queues would delay all others.
-- cost:  as counts.
-- uses: ARRIVED, base_key, BEFORE, context, COUNT, count_live, GROUPED, has_feature, is_over, KIND, LEASED, open_queue
-- uses: order_key, queue, records_key, sent_of, state_of, states_key
local wrong = open_queue('failed')
if wrong then return wrong end
local MANY_RECEIVES, MOST_SEARCHED = 3, 10
-- whether messages were found that have expired and are still there
local has_expired = false
local function oldest_of(band)
  local low, high = string.format('%.0f', band), string.format('(%.0f', band + LEASED)
  for _, seq in ipairs(call('ZRANGEBYSCORE', order_key, low, high, 'LIMIT', 0, MOST_SEARCHED)) do
    local record, state = call('HGET', records_key, seq), state_of(call('HGET', states_key, seq))
    if record and is_over(seq, record, state) then
      has_expired = true
    elseif record and (KIND == 'fifo' or state[COUNT] - (state[BEFORE] or 0) < MANY_RECEIVES) then
      local since = state[ARRIVED] or sent_of(record)
      if KIND ~= 'fifo' or since + queue.delay_ms <= context.now_ms then return since end
    end
  end
  return context.now_ms
end
local since = context.now_ms
if call('EXISTS', order_key) == 1 then since = math.min(oldest_of(0), oldest_of(LEASED), oldest_of(GROUPED)) end
local visible, in_flight, delayed = count_live(has_expired)
local outbox, retries, subscribed = 0, 0, has_feature('s')
if subscribed then outbox, retries = call('HLEN', base_key .. ':o'), call('ZCARD', base_key .. ':nd') end
return {
  visible, in_flight, delayed, context.now_ms - since, outbox, retries, tonumber(context.fields[4] or 0),
  subscribed and 1 or 0, queue.incarnation, queue.dead_letter_queue or '',
}
