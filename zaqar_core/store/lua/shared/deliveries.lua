-- deliveries: notifications of subscribers, kept until they have arrived or failed for good.
-- add_to_outbox (see send): a message goes into the outbox Q:o, seq -> "delay|ttl|record" (delay -1: none given), and
-- into the list Q:oq, "seq:id of the last subscription then". create_deliveries creates one delivery of it for each of
-- those subscriptions that is still live; Q:or counts the deliveries of an entry. The queue's field `spread` is the
-- last subscription that has the first entry of the list.
-- A delivery is its subscription's id (36 characters), a kind and a number of 16 digits: kind 'm': a message, its seq;
-- 'a': the subscription is to be confirmed, 'b': it was cancelled; these have no entry in the outbox. It is in one of
--   Q:nq  ready, at its position in its line (see lines), score 0: by subscription, then in order;
--   Q:nv  ready to be tried again outside of the lines, in the same order;
--   Q:nd  to be tried again, score ms;
--   Q:ni  a process works on it, score the lease's end in real ms.
-- Q:nt delivery -> MessagePack [token of that process, failed tries, line]. The line is that of its lease: '' outside
-- of the lines. There is none while the delivery is ready at its position, or if an earlier release wrote the entry.
-- Q:nl subscriptions that may have a ready delivery, by their turn. Q:nw wake-ups of processes, as Q:w.
-- Q:nx the newest deliveries that failed for good: 8 digits, the length of what follows; MessagePack [ms, id,
-- subscriber, kind and number, tries, reason]; the entry of the outbox.
-- Q:nf is what earlier releases counted instead of runs: see lines.
-- The feature 'n' says whether the queue has ever had one.
-- uses: base_key, CONFIRMED, context, count_in_work, first_in, has_feature, LIMITS, mark_feature, now_ms, now_text
-- uses: remove_post, server_ms, SINCE, SUBSCRIBER, subscription_of, wake_waiters
local function delivery_keys()
  local found = {}
  for suffix in string.gmatch('o oq or np nq nv nd ni nt nl nr nf nw nx', '%S+') do
    found[#found + 1] = base_key .. ':' .. suffix
  end
  return unpack(found)
end
local function subscription_part(delivery) return string.sub(delivery, 1, 36) end
local function has_subscribers()
  return has_feature('s') and call('ZCOUNT', base_key .. ':ue', '(' .. now_text(), '+inf') > 0
end
-- wake one of the processes that wait for deliveries of this queue
local function wake_worker() wake_waiters(1, base_key .. ':nw') end
local function add_to_outbox(seq, delay, ttl, record)
  local text = string.format('%.0f', seq)
  context.last_subscription = context.last_subscription
    or call('ZREVRANGEBYLEX', base_key .. ':un', '+', '-', 'LIMIT', 0, 1)[1]
  call('HSET', base_key .. ':o', text, string.format('%d|%d|', delay, ttl) .. record)
  call('RPUSH', base_key .. ':oq', text .. ':' .. context.last_subscription)
end
local function next_turn() return call('HINCRBY', base_key, 'notice_turn', 1) end
local function schedule_subscription(id) call('ZADD', base_key .. ':nl', 'NX', next_turn(), id) end
local function make_ready(delivery, is_outside)
  call('ZADD', base_key .. (is_outside and ':nv' or ':nq'), 0, delivery)
  schedule_subscription(subscription_part(delivery))
end
-- create a delivery without message for one subscription: kind 'a' or 'b'
local function notify_subscription(id, kind)
  mark_feature('n')
  make_ready(id .. kind .. string.format('%016.0f', call('HINCRBY', base_key, 'notices', 1)))
  wake_worker()
end
-- take a delivery out of work, or out of waiting; the line of its lease can continue
local function leave_work(delivery, line)
  local id = subscription_part(delivery)
  local was_in_work = call('ZREM', base_key .. ':ni', delivery) == 1
  local has_waited = call('ZREM', base_key .. ':nd', delivery) == 1
  if line and (was_in_work or (has_waited and line ~= '')) then count_in_work(id, line, -1, 0) end
  if first_in(base_key .. ':nq', id) or first_in(base_key .. ':nv', id) then schedule_subscription(id) end
end
local function state_of_delivery(delivery)
  local known = call('HGET', base_key .. ':nt', delivery)
  return known and cmsgpack.unpack(known)
end
local function save_delivery_state(delivery, token, tries, line)
  call('HSET', base_key .. ':nt', delivery, cmsgpack.pack({ token, tries, line }))
end
-- make a delivery ready again, outside of the lines or at its position
local function return_delivery(delivery, line, tries, is_outside)
  leave_work(delivery, line)
  save_delivery_state(delivery, '', tries, is_outside and '' or nil)
  make_ready(delivery, is_outside)
end
local function entry_of(delivery)
  if string.sub(delivery, 37, 37) ~= 'm' then return nil end
  return string.format('%.0f', tonumber(string.sub(delivery, 38)))
end
-- the outbox keeps an entry while deliveries refer to it, or create_deliveries works on it
local function release_entry(seq)
  if call('HINCRBY', base_key .. ':or', seq, -1) <= 0 then
    call('HDEL', base_key .. ':or', seq)
    call('HDEL', base_key .. ':o', seq)
    remove_post(seq)
  end
end
-- remove a delivery, and its entry after the last one
local function finish_delivery(delivery, line)
  call('ZREM', base_key .. ':nq', delivery)
  call('ZREM', base_key .. ':nv', delivery)
  call('HDEL', base_key .. ':nt', delivery)
  leave_work(delivery, line)
  local entry = entry_of(delivery)
  if entry then release_entry(entry) end
end
local function create_deliveries(most, only_confirmed)
  local looked = 0
  while looked < most do
    local first = call('LINDEX', base_key .. ':oq', 0)
    if not first then return end
    local seq, last = string.match(first, '^(%d+):(.+)$')
    local from, room = call('HGET', base_key, 'spread'), most - looked
    local ids = call('ZRANGEBYLEX', base_key .. ':un', from and '(' .. from or '-', '[' .. last, 'LIMIT', 0, room)
    looked = looked + #ids + 1
    if not from then call('HINCRBY', base_key .. ':or', seq, 1) end
    for _, id in ipairs(ids) do
      local it = subscription_of(id)
      if it and (not only_confirmed or it[CONFIRMED] == 1 and tonumber(seq) > it[SINCE]) then
        call('HINCRBY', base_key .. ':or', seq, 1)
        make_ready(id .. 'm' .. string.format('%016.0f', tonumber(seq)))
      end
    end
    if #ids == room then
      call('HSET', base_key, 'spread', ids[#ids])
    else
      call('HDEL', base_key, 'spread')
      call('LPOP', base_key .. ':oq')
      release_entry(seq)
    end
  end
end
-- make deliveries ready whose lease has ended or whose next try is due
local function process_due_deliveries(most)
  for _, key in ipairs({ ':ni', ':nd' }) do
    local now = key == ':ni' and server_ms or now_ms
    for _, delivery in ipairs(call('ZRANGEBYSCORE', base_key .. key, '-inf', now, 'LIMIT', 0, most)) do
      local state = state_of_delivery(delivery) or { '', 0 }
      return_delivery(delivery, state[3], state[2], state[3] == '')
    end
  end
end
local function keep_failed(delivery, tries, reason)
  local id, entry = subscription_part(delivery), entry_of(delivery)
  local packed = call('HGET', base_key .. ':u', id)
  local subscriber = packed and cmsgpack.unpack(packed)[SUBSCRIBER] or ''
  local what = cmsgpack.pack({ now_ms, id, subscriber, string.sub(delivery, 37), tries, reason })
  local failed = string.format('%08d', #what) .. what .. (entry and call('HGET', base_key .. ':o', entry) or '')
  call('LPUSH', base_key .. ':nx', failed)
  call('HINCRBY', base_key, 'failed', 1)
  local bytes = call('HINCRBY', base_key, 'failed_bytes', #failed)
  while call('LLEN', base_key .. ':nx') > LIMITS.UNDELIVERED or bytes > LIMITS.UNDELIVERED_BYTES do
    local oldest = call('RPOP', base_key .. ':nx')
    if not oldest then break end
    bytes = call('HINCRBY', base_key, 'failed_bytes', -#oldest)
  end
end
