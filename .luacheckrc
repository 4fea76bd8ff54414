-- luacheck of the server-side functions: `luacheck zaqar_core/store/lua`. The names that a file may use are those of its
-- `-- uses:` lines, and the server's API.
std = {
  read_globals = {
    'ARGV', 'call', 'cjson', 'cmsgpack', 'ipairs', 'math', 'next', 'pairs', 'redis', 'string', 'struct', 'table',
    'tonumber', 'try_call', 'unpack',
  },
}
max_line_length = 120
ignore = { '512' } -- a loop that returns at once finds out whether a table is empty

local list = io.popen('find zaqar_core/store/lua -name "*.lua"')
for path in list:lines() do
  local options = { globals = {}, read_globals = {} }
  if not path:find('/functions/', 1, true) then
    options.ignore = { '211', '221', '231', '241' } -- a part defines what other files use
  end
  for line in io.lines(path) do
    local names = line:match('^%-%- uses: (.+)$') or line:match('^%-%- uses %([%w, ]+%): (.+)$')
    for name in (names or ''):gmatch('[%w_]+') do
      if name == 'context' or name == 'queue' then
        options.globals[name] = { other_fields = true } -- tables with fields that every file may set
      elseif name == 'due_ms' then
        options.globals[name] = {} -- set with the field of the queue that it repeats
      else
        table.insert(options.read_globals, name)
      end
    end
  end
  files[path] = options
end
list:close()
