-- move_back: the destination is missing: messages return to their places. Dead letters then rest for a minute; a move
-- task has failed.
-- keys:  Q.   args: token of the process that has the lease, task id ("" none), why the task fails, then seq of each
-- reply: how many intents were there.   fails: NOQUEUE; STALE (another process has the lease now).
-- cost:  O(k log n).
-- uses: c, changed, finish, flags_of, gid_of, has, is_mover, M, mark, MOVED, open, place, Q, q, S, save, sent_of
-- uses: settle, soon, STALE, task_of, wake
local wrong = open()
if wrong then return wrong end
if not is_mover(ARGV[1]) then return STALE end
local returned = 0
for at = 4, #ARGV do
  local seq = ARGV[at]
  local packed = call('HGET', Q .. ':mi', seq)
  if packed then
    local it = cmsgpack.unpack(packed)
    local record, flags, received = it[2], flags_of(it[2]), it[3] > 0
    returned = returned + 1
    call('HDEL', Q .. ':mi', seq)
    call('ZREM', Q .. ':mo', seq)
    call('HSET', M, seq, record)
    if received then
      call('HSET', S, seq, cmsgpack.pack({ '', it[3], it[4], '', it[7], flags, gid_of(record), 0 }))
    end
    if it[6] >= 0 then
      mark('e')
      call('ZADD', Q .. ':e', q.now + it[6], seq)
      soon(q.now + it[6])
    elseif has(flags, MOVED) then
      call('ZADD', Q .. ':b', sent_of(record), seq)
      soon(sent_of(record) + c.keep)
    end
    if it[9] ~= '' then call('HSET', Q .. ':i', it[9], seq, 'of:' .. seq, it[9]) end
    place(seq, record, received)
  end
end
settle()
local task = ARGV[2] ~= '' and task_of(ARGV[2])
if task then
  task.taken = task.taken - returned
  finish(ARGV[2], task, 'FAILED', ARGV[3])
  save(ARGV[2], task)
elseif ARGV[2] == '' then
  call('HSET', Q, 'dlq_missing', q.now + 60000)
  changed()
end
wake(returned)
return returned
