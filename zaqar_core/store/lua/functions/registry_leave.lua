-- registry_leave: a queue's name is no longer listed, if the row is still of that life.
-- keys: the registry.   args: name, incarnation, seconds for which its end is remembered.   reply: 1 if it was removed.
-- fails: nothing.   cost: O(log n), and one step for each end that need not be remembered any more.
-- uses: Q
if call('HGET', Q .. ':lives', ARGV[1]) ~= ARGV[2] then return 0 end
call('HDEL', Q .. ':lives', ARGV[1])
if ARGV[3] ~= '0' then
  local now = call('TIME')[1]
  call('ZREMRANGEBYSCORE', Q .. ':gone', '-inf', now - ARGV[3])
  call('ZADD', Q .. ':gone', now, ARGV[1])
end
return call('ZREM', Q .. ':names', ARGV[1])
