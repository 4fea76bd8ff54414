-- subscriptions: the subscribers of a queue. Q:u id -> MessagePack [subscriber, options (JSON), ttl s, created ms, 1 if
-- confirmed, seq of the last message before it was]; Q:ui subscriber -> id; Q:ue id -> end ms; Q:un ids in the order of
-- creation, score 0.
-- An id begins with its number in 12 hexadecimal digits, so that the order of ids is that of creation. The feature 's'
-- says whether the queue has ever had one.
-- uses: base_key, has_feature, now_ms
local SUBSCRIBER, OPTIONS, TTL_SECONDS, CREATED, CONFIRMED, SINCE = 1, 2, 3, 4, 5, 6
local function subscription_keys() return base_key .. ':u', base_key .. ':ui', base_key .. ':ue', base_key .. ':un' end
local function subscription_of(id)
  local ends = call('ZSCORE', base_key .. ':ue', id)
  if not ends or tonumber(ends) <= now_ms then return nil end
  return cmsgpack.unpack(call('HGET', base_key .. ':u', id))
end
local function drop_subscription(id)
  local packed = call('HGET', base_key .. ':u', id)
  if not packed then return 0 end
  call('HDEL', base_key .. ':ui', cmsgpack.unpack(packed)[SUBSCRIBER])
  call('HDEL', base_key .. ':u', id)
  call('ZREM', base_key .. ':ue', id)
  call('ZREM', base_key .. ':un', id)
  return 1
end
-- remove those that have ended, `most` at most
local function expire_subscriptions(most)
  if not has_feature('s') then return end
  for _, id in ipairs(call('ZRANGEBYSCORE', base_key .. ':ue', '-inf', now_ms, 'LIMIT', 0, most)) do
    drop_subscription(id)
  end
end
-- the live subscription of that subscriber, or nil; an ended one is removed
local function subscriber_of(text)
  local id = call('HGET', base_key .. ':ui', text)
  if not id then return nil end
  local found = subscription_of(id)
  if found then return id, found end
  drop_subscription(id)
end
local NOSUBSCRIPTION = { err = 'NOSUBSCRIPTION' }
