-- move_forget: fourth step of moves, at the destination: remove the records of their arrival.
-- keys:  the queue.
-- args:  record of each: its source, a bar, its seq there
-- reply: how many there were.
-- fails: nothing.
-- effect: frees.
-- cost:  O(k).
-- uses: base_key
return call('HDEL', base_key .. ':mr', unpack(ARGV))
