-- now: the server's own time.
-- keys:  Q.   reply: ms.   fails: nothing.   cost: O(1).
-- uses: real_ms
return real_ms()
