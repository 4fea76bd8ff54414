-- now: the server's own time.
-- keys:  Q.   reply: ms.   fails: nothing.   cost: O(1).
return real_ms()
