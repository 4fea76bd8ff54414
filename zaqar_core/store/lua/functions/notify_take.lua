-- notify_take: give a process runs of deliveries to work on (see lines): each subscription in turn, first its retries,
-- then its oldest deliveries. When none is left, register the process's wake-up for the next one.
-- keys:  the queue.
-- args:  token, lease ms, most runs, 1 if only confirmed subscriptions are notified, wake-up (as a waiter), ms for
--        which it is valid, prefix of the subscribers that get the whole queue in order
-- reply: {ms until the next call is useful (-1: after the wake-up; -2: nothing will come), now ms, per run:
--        {subscription's record, line, per delivery: delivery, failed tries, entry of the outbox or ""}}.
-- fails: NOQUEUE.
-- effect: frees.
-- cost:  O(k log n) for k deliveries, about 100 and 256 KiB a run, and 200 steps of creating deliveries and of due
--        ones.
-- uses: base_key, CONFIRMED, count_in_work, create_deliveries, entry_of, expire_subscriptions, finish_delivery
-- uses: next_run, next_turn, now_ms, open_any_queue, process_due_deliveries, save_clock, save_delivery_state, server_ms
-- uses: state_of_delivery, SUBSCRIBER, subscription_of, wake_worker
local wrong = open_any_queue()
if wrong then return wrong end
expire_subscriptions(100)
process_due_deliveries(100)
create_deliveries(100, ARGV[4] == '1')
local MOST_DELIVERIES, RUN_BYTES = 100, 262144
local token, ends, most = ARGV[1], server_ms + ARGV[2], tonumber(ARGV[3])
local only_confirmed, whole = ARGV[4] == '1', ARGV[7]
local reply, deliveries, steps = { 0, now_ms }, 0, most + 100
local function take_run(id, found, line)
  local run, bytes, number = { call('HGET', base_key .. ':u', id), line }, 0, 0
  for _, delivery in ipairs(found) do
    local entry, state = entry_of(delivery), state_of_delivery(delivery)
    local text, tries = entry and call('HGET', base_key .. ':o', entry) or '', state and state[2] or 0
    bytes = bytes + #text
    if number > 0 and bytes > RUN_BYTES then break end
    call('ZREM', base_key .. (line == '' and ':nv' or ':nq'), delivery)
    call('ZADD', base_key .. ':ni', ends, delivery)
    save_delivery_state(delivery, token, tries, line)
    number = number + 1
    for _, part in ipairs({ delivery, tries, text }) do run[#run + 1] = part end
  end
  count_in_work(id, line, number, ends)
  call('ZADD', base_key .. ':nl', next_turn(), id)
  reply[#reply + 1] = run
  return number
end
while #reply - 2 < most and deliveries < MOST_DELIVERIES and steps > 0 do
  steps = steps - 1
  local id = call('ZRANGE', base_key .. ':nl', 0, 0)[1]
  if not id then break end
  local it = subscription_of(id)
  local found, line = next_run(id, it and string.sub(it[SUBSCRIBER], 1, #whole) == whole)
  if not found then
    call('ZREM', base_key .. ':nl', id)
  elseif not it or (only_confirmed and it[CONFIRMED] ~= 1 and string.sub(found[1], 37, 37) == 'm') then
    -- deliveries of a subscription that has ended are removed
    for _, delivery in ipairs(found) do finish_delivery(delivery) end
    deliveries = deliveries + #found
  else
    deliveries = deliveries + take_run(id, found, line)
  end
end
save_clock()
if call('ZCARD', base_key .. ':nl') > 0 or call('EXISTS', base_key .. ':oq') == 1 then
  if #reply > 2 then wake_worker() end
  return reply
end
local wait = -1
local function sooner(key, now)
  local at = tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
  if at then wait = math.max(wait < 0 and at - now or math.min(wait, at - now), 0) end
end
sooner(base_key .. ':nd', now_ms)
sooner(base_key .. ':ni', server_ms)
-- nothing is left to deliver: remove what a process of an earlier release did not clean up
if wait < 0 then call('DEL', base_key .. ':np', base_key .. ':nr', base_key .. ':nf') end
if wait < 0 and call('EXISTS', base_key .. ':ue') == 0 then
  wait = -2
else
  call('ZADD', base_key .. ':nw', server_ms + ARGV[6], ARGV[5])
end
reply[1] = wait
return reply
