-- delete_queue: the queue and everything in it is gone; waiting receives are released.
-- keys:  Q.   reply: its incarnation.   fails: NOQUEUE.   cost: O(waiters); memory is freed in the background.
-- uses: queue wake
local inc = call('HGET', Q, 'inc')
if not inc then return NOQUEUE end
wake(math.min(call('ZCARD', W), 10000))
call('UNLINK', Q, M, S, R, L, D, X, E, B, I, C, CX, W, Q .. ':mi', Q .. ':mr')
return inc
