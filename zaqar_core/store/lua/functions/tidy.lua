-- tidy: upkeep of one queue: what is past its life is forgotten, old claims, waiters and
-- subscriptions too. A bounded step.
-- keys:  Q.   args: most messages.
-- reply: {messages forgotten, intents waiting, records of moves, 1 if a move task runs, 1 if it has subscriptions}.   fails: NOQUEUE.
-- cost:  O(most log n).
-- uses: expire_heads, had, KIND, lapse, open, q, Q, settle, tick
-- uses (fifo): turn_buckets
local wrong = open()
if wrong then return wrong end
local most = tonumber(ARGV[1])
local gone = tick(most) + expire_heads(most)
settle()
for _, id in ipairs(call('ZRANGEBYSCORE', Q .. ':cx', '-inf', q.now, 'LIMIT', 0, most)) do
  call('ZREM', Q .. ':cx', id)
  call('HDEL', Q .. ':c', id)
end
if KIND == 'fifo' then turn_buckets() end
lapse(most)
call('ZREMRANGEBYSCORE', Q .. ':w', '-inf', q.real - 60000)
local subscribed = had('s') and call('EXISTS', Q .. ':ue', Q .. ':o') > 0 and 1 or 0
return { gone, call('HLEN', Q .. ':mi'), call('HLEN', Q .. ':mr'), call('HEXISTS', Q .. ':mt', 'active'), subscribed }
