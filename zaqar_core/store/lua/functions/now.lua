-- now: read the server's own time.
-- keys:  any key of that server.
-- reply: ms.
-- fails: nothing.
-- effect: reads. It writes nothing.
-- cost:  O(1).
-- uses: real_ms
return real_ms()
