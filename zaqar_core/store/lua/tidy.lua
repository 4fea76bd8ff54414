-- tidy: upkeep of one queue: what is past its life is forgotten, old claims and waiters too. A bounded step.
-- keys:  Q.   args: most messages.   reply: {messages forgotten, intents waiting}.   fails: NOQUEUE.
-- cost:  O(most log n).
-- uses: queue state forget due
if not open() then return NOQUEUE end
local most = tonumber(ARGV[1])
promote()
local gone = expire_own(most) + expire_heads(R, most) + expire_heads(X, most)
for _, id in ipairs(call('ZRANGEBYSCORE', CX, '-inf', q.now, 'LIMIT', 0, most)) do
  call('ZREM', CX, id)
  call('HDEL', C, id)
end
call('ZREMRANGEBYSCORE', W, '-inf', real - 60000)
return { gone, call('HLEN', Q .. ':mi') }
