-- notify_take: give a process runs of deliveries to work on (see lines); each subscription in turn, its retries and then
-- its oldest first. With none left to give its bell is hung: it rings for the next one.
-- keys:  Q.   args: token, lease ms, most runs, 1 if only confirmed subscriptions are told, bell, bell's life ms,
--        prefix of the subscribers that get the whole queue in order
-- reply: {ms until it is worth while to ask again (-1: when the bell rings; -2: nothing will come), now ms, per run:
--        {subscription's record, line, per delivery: delivery, failed tries, entry of the outbox or ""}}
-- fails: NOQUEUE.   cost: O(k log n) for k deliveries, about 100 and 256 KiB a run, and 200 steps of spreading and reviving.
-- uses: CONFIRMED, count_in_work, entry_of, finish_delivery, GROUPED_QUEUE, keep_state, lapse, next_run, next_turn
-- uses: open, Q, q, remember_now, revive, ring, spread, state_of_delivery, SUBSCRIBER, subscription_of
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
lapse(100)
revive(100)
spread(100, ARGV[4] == '1')
local MOST_DELIVERIES, RUN_BYTES = 100, 262144
local token, ends, most, only_confirmed, whole = ARGV[1], q.real + ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', ARGV[7]
local reply, deliveries, steps = { 0, q.now }, 0, most + 100
local function give(id, found, line)
  local run, bytes, number = { call('HGET', Q .. ':u', id), line }, 0, 0
  for _, delivery in ipairs(found) do
    local entry, state = entry_of(delivery), state_of_delivery(delivery)
    local text, tries = entry and call('HGET', Q .. ':o', entry) or '', state and state[2] or 0
    bytes = bytes + #text
    if number > 0 and bytes > RUN_BYTES then break end
    call('ZREM', Q .. (line == '' and ':nv' or ':nq'), delivery)
    call('ZADD', Q .. ':ni', ends, delivery)
    keep_state(delivery, token, tries, line)
    number = number + 1
    for _, part in ipairs({ delivery, tries, text }) do run[#run + 1] = part end
  end
  count_in_work(id, line, number, ends)
  call('ZADD', Q .. ':nl', next_turn(), id)
  reply[#reply + 1] = run
  return number
end
while #reply - 2 < most and deliveries < MOST_DELIVERIES and steps > 0 do
  steps = steps - 1
  local id = call('ZRANGE', Q .. ':nl', 0, 0)[1]
  if not id then break end
  local it = subscription_of(id)
  local found, line = next_run(id, it and string.sub(it[SUBSCRIBER], 1, #whole) == whole)
  if not found then
    call('ZREM', Q .. ':nl', id)
  elseif not it or (only_confirmed and it[CONFIRMED] ~= 1 and string.sub(found[1], 37, 37) == 'm') then
    -- what is left for a subscription that has ended goes with it
    for _, delivery in ipairs(found) do finish_delivery(delivery) end
    deliveries = deliveries + #found
  else
    deliveries = deliveries + give(id, found, line)
  end
end
remember_now()
if call('ZCARD', Q .. ':nl') > 0 or call('EXISTS', Q .. ':oq') == 1 then
  if #reply > 2 then ring() end
  return reply
end
local wait = -1
local function sooner(key, now)
  local at = tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
  if at then wait = math.max(wait < 0 and at - now or math.min(wait, at - now), 0) end
end
sooner(Q .. ':nd', q.now)
sooner(Q .. ':ni', tonumber(q.real))
-- nothing is left to deliver: remove what a process of an earlier release did not clean up
if wait < 0 then call('DEL', Q .. ':np', Q .. ':nr', Q .. ':nf') end
if wait < 0 and call('EXISTS', Q .. ':ue') == 0 then
  wait = -2
else
  call('ZADD', Q .. ':nw', q.real + ARGV[6], ARGV[5])
end
reply[1] = wait
return reply
