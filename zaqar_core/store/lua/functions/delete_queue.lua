-- delete_queue: the queue and everything in it is gone; waiting receives are released.
-- keys:  Q.   args: pools only: ms for which that incarnation cannot be made again.   reply: its incarnation.   fails: NOQUEUE.   cost: O(waiters); memory is freed in the background.
-- uses: buried, c, contents, GROUPED_QUEUE, had, notice_keys, open, Q, subscription_keys, wake
local wrong = open()
if wrong and wrong ~= GROUPED_QUEUE then return wrong end
wake(math.min(call('ZCARD', Q .. ':w'), 10000))
call('UNLINK', Q, Q .. ':w', Q .. ':mi', Q .. ':mo', Q .. ':mr', Q .. ':mt', unpack(contents()))
if had('s') then
  call('UNLINK', subscription_keys())
  call('UNLINK', notice_keys())
end
if ARGV[1] then call('SET', buried(c.inc), 1, 'PX', ARGV[1]) end
return c.inc
