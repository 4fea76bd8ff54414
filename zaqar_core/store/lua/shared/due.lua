-- due
-- uses: c, q, Q
local function soon(at)
  if c.due_text ~= q.due then c.due_text, c.due = q.due, tonumber(q.due) end
  if at < c.due then
    call('HSET', Q, 'due', at)
    q.due, q.sooner = string.format('%.0f', at), true
  end
end
local function remember_now()
  if not c.saved or q.now - c.saved >= 1000 then
    call('HSET', Q, 'now', q.now)
    c.saved = q.now
    -- another server may have served the queue meanwhile: after a fail-over and back
    c.flying = nil
  end
end
