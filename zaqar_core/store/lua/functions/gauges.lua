-- gauges: what monitoring shows of a queue: the counts of `counts`, the age of the oldest message by the rules of
-- samples.values, and the number of notifications.
-- keys:  the queue.
-- reply: {visible, in flight, delayed, age ms (0 without such a message), messages in the outbox, deliveries to be
--        tried again, deliveries that ever failed for good, 1 if it may have subscriptions, incarnation, name of its
--        dead-letter queue or ""}.
-- fails: NOQUEUE; GROUPED.
-- effect: reads. It writes nothing, not even what time alone has changed: with an fsync after each write, a look at
--        many queues would delay all others.
-- cost:  as samples.values.
-- uses: base_key, has_feature, now_ms, open_queue, queue, samples
local wrong = open_queue()
if wrong then return wrong end
local visible, in_flight, delayed, since = unpack(samples.values())
local outbox, retries, subscribed = 0, 0, has_feature('s')
if subscribed then outbox, retries = call('HLEN', base_key .. ':o'), call('ZCARD', base_key .. ':nd') end
local failed = tonumber(call('HGET', base_key, 'failed') or 0)
return {
  visible, in_flight, delayed, since > 0 and math.max(now_ms - since, 0) or 0, outbox, retries,
  failed, subscribed and 1 or 0, queue.incarnation, queue.dead_letter_queue or '',
}
