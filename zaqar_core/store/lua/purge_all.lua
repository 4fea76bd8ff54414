-- purge_all: SQS's purge: no message is left, visible, in flight or delayed.
-- keys:  Q.   reply: OK.   fails: NOQUEUE.   cost: O(1); memory is freed in the background.
-- uses: queue
if call('EXISTS', Q) == 0 then return NOQUEUE end
call('UNLINK', M, S, R, L, D, X, E, B, I, C, CX)
return 'OK'
