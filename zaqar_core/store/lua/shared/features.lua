-- features
-- uses: c, changed, Q, reload
local function had(what) return string.find(c.has, what, 1, true) end
local function mark(what)
  if not had(what) then
    call('HSET', Q, 'has', c.has .. what)
    changed()
    reload()
  end
end
