-- notices: what subscribers are to be told, kept until they were or it has failed for good.
-- note (see send): a message goes into the outbox Q:o, seq -> "delay|ttl|record" (delay -1: none given), and into the
-- list Q:oq, "seq:id of the last subscription then". spread makes one delivery of it for each of those subscriptions that
-- lives, Q:or counts them; Q's `spread` is the last subscription that has the first entry of the list.
-- A delivery is its subscription's id (36 characters), a kind and a number of 16 digits: kind 'm' a message, its seq;
-- 'a' the subscription is to be confirmed, 'b' it was cancelled: these have no entry in the outbox. It is in one of
--   Q:nq  ready, at its place in its line (see lines), score 0: by subscription, then in order;
--   Q:nv  ready to be tried again outside of the lines, in the same order;
--   Q:nd  to be tried again, score ms;
--   Q:ni  a process works on it, score the lease's end in real ms.
-- Q:nt delivery -> MessagePack [token of that process, failed tries, line]. The line is the one that it was given for; ''
-- outside of the lines; absent while it is ready at its place, or where an earlier release wrote it.
-- Q:nl subscriptions that may have something to give, by their turn. Q:nw bells of processes: see ring.
-- Q:nx the newest deliveries that failed for good: 8 digits, the length of what follows; MessagePack [ms, id, subscriber,
-- kind and number, tries, reason]; the entry of the outbox.
-- Q:nf is what earlier releases counted instead of runs: see lines.
-- had('n'): the queue has ever had one.
-- uses: CONFIRMED, count_in_work, first_in, forget_post, had, LIMITS, mark, q, Q, SINCE, SUBSCRIBER, subscription_of
-- uses: wake
local function notice_keys()
  local found = {}
  for part in string.gmatch('o oq or np nq nv nd ni nt nl nr nf nw nx', '%S+') do found[#found + 1] = Q .. ':' .. part end
  return unpack(found)
end
local function subscription_part(delivery) return string.sub(delivery, 1, 36) end
local function is_watched() return had('s') and call('ZCOUNT', Q .. ':ue', '(' .. q.text, '+inf') > 0 end
-- one process that has hung a bell here learns that there is something to do
local function ring() wake(1, Q .. ':nw') end
local function note(seq, delay, ttl, record)
  local text = string.format('%.0f', seq)
  q.last_subscription = q.last_subscription or call('ZREVRANGEBYLEX', Q .. ':un', '+', '-', 'LIMIT', 0, 1)[1]
  call('HSET', Q .. ':o', text, string.format('%d|%d|', delay, ttl) .. record)
  call('RPUSH', Q .. ':oq', text .. ':' .. q.last_subscription)
end
local function next_turn() return call('HINCRBY', Q, 'notice_turn', 1) end
local function may_give(id) call('ZADD', Q .. ':nl', 'NX', next_turn(), id) end
local function make_ready(delivery, is_outside)
  call('ZADD', Q .. (is_outside and ':nv' or ':nq'), 0, delivery)
  may_give(subscription_part(delivery))
end
-- a word to one subscription: kind 'a' or 'b'
local function notify(id, kind)
  mark('n')
  make_ready(id .. kind .. string.format('%016.0f', call('HINCRBY', Q, 'notices', 1)))
  ring()
end
-- take a delivery out of work, or out of waiting; the line that it was given for may go on
local function let_go(delivery, line)
  local id = subscription_part(delivery)
  local was_in_work, has_waited = call('ZREM', Q .. ':ni', delivery) == 1, call('ZREM', Q .. ':nd', delivery) == 1
  if line and (was_in_work or (has_waited and line ~= '')) then count_in_work(id, line, -1, 0) end
  if first_in(Q .. ':nq', id) or first_in(Q .. ':nv', id) then may_give(id) end
end
local function state_of_delivery(delivery)
  local known = call('HGET', Q .. ':nt', delivery)
  return known and cmsgpack.unpack(known)
end
local function keep_state(delivery, token, tries, line)
  call('HSET', Q .. ':nt', delivery, cmsgpack.pack({ token, tries, line }))
end
-- make a delivery ready again, outside of the lines or at its place
local function put_back(delivery, line, tries, is_outside)
  let_go(delivery, line)
  keep_state(delivery, '', tries, is_outside and '' or nil)
  make_ready(delivery, is_outside)
end
local function entry_of(delivery)
  if string.sub(delivery, 37, 37) ~= 'm' then return nil end
  return string.format('%.0f', tonumber(string.sub(delivery, 38)))
end
-- the outbox keeps an entry as long as something refers to it: deliveries, and spread while it makes them
local function let_entry_go(seq)
  if call('HINCRBY', Q .. ':or', seq, -1) <= 0 then
    call('HDEL', Q .. ':or', seq)
    call('HDEL', Q .. ':o', seq)
    forget_post(seq)
  end
end
-- no trace of a delivery remains, nor of its entry after the last one
local function finish_delivery(delivery, line)
  call('ZREM', Q .. ':nq', delivery)
  call('ZREM', Q .. ':nv', delivery)
  call('HDEL', Q .. ':nt', delivery)
  let_go(delivery, line)
  local entry = entry_of(delivery)
  if entry then let_entry_go(entry) end
end
local function spread(most, only_confirmed)
  local looked = 0
  while looked < most do
    local first = call('LINDEX', Q .. ':oq', 0)
    if not first then return end
    local seq, last = string.match(first, '^(%d+):(.+)$')
    local from, room = call('HGET', Q, 'spread'), most - looked
    local ids = call('ZRANGEBYLEX', Q .. ':un', from and '(' .. from or '-', '[' .. last, 'LIMIT', 0, room)
    looked = looked + #ids + 1
    if not from then call('HINCRBY', Q .. ':or', seq, 1) end
    for _, id in ipairs(ids) do
      local it = subscription_of(id)
      if it and (not only_confirmed or it[CONFIRMED] == 1 and tonumber(seq) > it[SINCE]) then
        call('HINCRBY', Q .. ':or', seq, 1)
        make_ready(id .. 'm' .. string.format('%016.0f', tonumber(seq)))
      end
    end
    if #ids == room then
      call('HSET', Q, 'spread', ids[#ids])
    else
      call('HDEL', Q, 'spread')
      call('LPOP', Q .. ':oq')
      let_entry_go(seq)
    end
  end
end
-- what time alone has changed: leases that ended, tries that are due
local function revive(most)
  for _, key in ipairs({ ':ni', ':nd' }) do
    local now = key == ':ni' and q.real or q.now
    for _, delivery in ipairs(call('ZRANGEBYSCORE', Q .. key, '-inf', now, 'LIMIT', 0, most)) do
      local state = state_of_delivery(delivery) or { '', 0 }
      put_back(delivery, state[3], state[2], state[3] == '')
    end
  end
end
local function keep_failed(delivery, tries, reason)
  local id, entry = subscription_part(delivery), entry_of(delivery)
  local packed = call('HGET', Q .. ':u', id)
  local subscriber = packed and cmsgpack.unpack(packed)[SUBSCRIBER] or ''
  local what = cmsgpack.pack({ q.now, id, subscriber, string.sub(delivery, 37), tries, reason })
  local failed = string.format('%08d', #what) .. what .. (entry and call('HGET', Q .. ':o', entry) or '')
  call('LPUSH', Q .. ':nx', failed)
  call('HINCRBY', Q, 'failed', 1)
  local bytes = call('HINCRBY', Q, 'failed_bytes', #failed)
  while call('LLEN', Q .. ':nx') > LIMITS.UNDELIVERED or bytes > LIMITS.UNDELIVERED_BYTES do
    local oldest = call('RPOP', Q .. ':nx')
    if not oldest then break end
    bytes = call('HINCRBY', Q, 'failed_bytes', -#oldest)
  end
end
