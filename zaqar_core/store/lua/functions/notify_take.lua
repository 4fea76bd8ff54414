-- notify_take: give a process deliveries to work on; each subscription in turn, its oldest first. With none left to give
-- its bell is hung: it rings for the next one.
-- keys:  Q.   args: token, lease ms, most deliveries, 1 if only confirmed subscriptions are told, bell, bell's life ms
-- reply: {ms until it is worth while to ask again (-1: when the bell rings; -2: nothing will come), now ms,
--        per delivery: delivery, failed tries, entry of the outbox or "", subscription's record}
-- fails: NOQUEUE.   cost: O(most log n), and 200 steps of spreading and reviving.
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
lapse(100)
revive(100)
spread(100, ARGV[4] == '1')
local reply, most, most_steps = { 0, q.now }, tonumber(ARGV[3]), tonumber(ARGV[3]) + 100
local taken = 0
while taken < most and most_steps > 0 do
  most_steps = most_steps - 1
  local id = call('ZRANGE', Q .. ':nl', 0, 0)[1]
  if not id then break end
  local delivery, it = first_ready(id), subscription_of(id)
  if not delivery then
    call('ZREM', Q .. ':nl', id)
  elseif not it or (ARGV[4] == '1' and it[CONFIRMED] ~= 1 and string.sub(delivery, 37, 37) == 'm') then
    -- what is left for a subscription that has ended goes with it
    finish_delivery(delivery)
  else
    local known = call('HGET', Q .. ':nt', delivery)
    local tries, entry = known and cmsgpack.unpack(known)[2] or 0, entry_of(delivery)
    call('ZREM', Q .. ':nq', delivery)
    call('ZADD', Q .. ':ni', q.real + ARGV[2], delivery)
    call('HSET', Q .. ':nt', delivery, cmsgpack.pack({ ARGV[1], tries }))
    if call('HINCRBY', Q .. ':nf', id, 1) < WIDTH then
      call('ZADD', Q .. ':nl', next_turn(), id)
    else
      call('ZREM', Q .. ':nl', id)
    end
    taken = taken + 1
    for _, part in ipairs({ delivery, tries, entry and call('HGET', Q .. ':o', entry) or '', call('HGET', Q .. ':u', id) }) do
      reply[#reply + 1] = part
    end
  end
end
remember_now()
if call('ZCARD', Q .. ':nl') > 0 or call('EXISTS', Q .. ':oq') == 1 then
  if taken > 0 then ring() end
  return reply
end
local wait = -1
local function sooner(key, now)
  local at = tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
  if at then wait = math.max(wait < 0 and at - now or math.min(wait, at - now), 0) end
end
sooner(Q .. ':nd', q.now)
sooner(Q .. ':ni', tonumber(q.real))
if wait < 0 and call('EXISTS', Q .. ':ue') == 0 then
  wait = -2
else
  call('ZADD', Q .. ':nw', q.real + ARGV[6], ARGV[5])
end
reply[1] = wait
return reply
