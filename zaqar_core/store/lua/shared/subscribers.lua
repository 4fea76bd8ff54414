-- subscribers: who is told of new messages. Q:u id -> MessagePack [subscriber, options (JSON), ttl s, created ms,
-- 1 if confirmed, seq of the last message before it was]; Q:ui subscriber -> id; Q:ue id -> end ms; Q:un ids in the order of creation, score 0.
-- An id begins with its number in 12 hexadecimal digits, so that the order of ids is that of creation.
-- had('s'): the queue has ever had one.
-- uses: had, q, Q
local SUBSCRIBER, OPTIONS, LIFE, CREATED, CONFIRMED, SINCE = 1, 2, 3, 4, 5, 6
local function subscription_keys() return Q .. ':u', Q .. ':ui', Q .. ':ue', Q .. ':un' end
local function subscription_of(id)
  local ends = call('ZSCORE', Q .. ':ue', id)
  if not ends or tonumber(ends) <= q.now then return nil end
  return cmsgpack.unpack(call('HGET', Q .. ':u', id))
end
local function drop_subscription(id)
  local packed = call('HGET', Q .. ':u', id)
  if not packed then return 0 end
  call('HDEL', Q .. ':ui', cmsgpack.unpack(packed)[SUBSCRIBER])
  call('HDEL', Q .. ':u', id)
  call('ZREM', Q .. ':ue', id)
  call('ZREM', Q .. ':un', id)
  return 1
end
-- those whose life is over go, `most` at most
local function lapse(most)
  if not had('s') then return end
  for _, id in ipairs(call('ZRANGEBYSCORE', Q .. ':ue', '-inf', q.now, 'LIMIT', 0, most)) do drop_subscription(id) end
end
-- the live subscription of that subscriber, if there is one; an ended one is dropped
local function subscriber_of(text)
  local id = call('HGET', Q .. ':ui', text)
  if not id then return nil end
  local found = subscription_of(id)
  if found then return id, found end
  drop_subscription(id)
end
local NOSUBSCRIPTION = { err = 'NOSUBSCRIPTION' }
