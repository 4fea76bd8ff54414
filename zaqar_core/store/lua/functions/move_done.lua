-- move_done: third and fourth step of a move: drop the intent (at the source) or the record (at the destination).
-- keys:  Q.   args: "intent" and seq, or "record" and move id.   reply: 1 if it was there.   fails: nothing.
-- cost:  O(1).
return call('HDEL', Q .. (ARGV[1] == 'intent' and ':mi' or ':mr'), ARGV[2])
