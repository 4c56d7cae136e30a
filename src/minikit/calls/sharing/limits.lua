-- Shared limits in Redis: the same sums and buckets as state.py, in one step for each question.
--
-- Money is whole numbers as text: Redis adds 64 bits exactly, Lua's own numbers would round.

local sums, admitted, leases = KEYS[1], KEYS[2], KEYS[3]
local MINUTE_S, ARRIVAL_S = 60, 0.25
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6

local function get(field)
  return redis.call('HGET', sums, field) or '0'
end

local function add(field, amount)
  redis.call('HINCRBY', sums, field, amount)
end

local function subtract(field, amount)
  if amount ~= '0' then redis.call('HINCRBY', sums, field, '-' .. amount) end
end

local function is_less(one, other)
  if #one ~= #other then return #one < #other end
  return one < other
end

local function sum(...)
  redis.call('HSET', sums, 'sum', '0')
  for _, amount in ipairs({...}) do add('sum', amount) end
  return get('sum')
end

local function written(number)
  return string.format('%.17g', number)
end

-- What was not settled in time counts as unknown.
local function expire()
  for _, ident in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', written(now))) do
    redis.call('ZREM', leases, ident)
    local amount, rest = string.match(redis.call('HGET', admitted, ident) or '', '^(%d+) open (.*)$')
    if amount then
      redis.call('HSET', admitted, ident, amount .. ' late ' .. rest)
      subtract('reserved', amount)
      add('unknown', amount)
    end
  end
end

-- A token bucket: what it holds at a time, which may lie ahead.
local function bucket(lane, kind, limit, at)
  local field = kind .. ' ' .. lane
  local level = tonumber(redis.call('HGET', sums, 'level ' .. field) or limit)
  local since = tonumber(redis.call('HGET', sums, 'since ' .. field) or at)
  level = math.min(limit, level + limit / MINUTE_S * math.max(0, at - since))
  return {field = field, limit = limit, level = level, since = math.max(since, at)}
end

local function keep(held)
  redis.call('HSET', sums, 'level ' .. held.field, written(held.level))
  redis.call('HSET', sums, 'since ' .. held.field, written(held.since))
end

-- Take the next turn of a lane; return when it is.
local function turn(lane, wanted)
  local at = math.max(now, tonumber(redis.call('HGET', sums, 'last ' .. lane) or now))
  local wait = 0
  for kind, want in pairs(wanted) do
    local held = bucket(lane, kind, want.limit, at)
    local missing = math.min(want.amount, want.limit) - held.level
    if missing > 0 then
      wait = math.max(wait, held.since - at + missing * MINUTE_S / want.limit)
    end
  end
  at = at + wait
  for kind, want in pairs(wanted) do
    local held = bucket(lane, kind, want.limit, at)
    if held.level >= held.limit then held.since = math.max(held.since, at + ARRIVAL_S) end
    held.level = held.level - want.amount
    keep(held)
  end
  redis.call('HSET', sums, 'last ' .. lane, written(at))
  return at
end

local function limits_of(requests, tokens, per_minute_requests, per_minute_tokens)
  local wanted = {}
  if per_minute_requests ~= '' then
    wanted.requests = {amount = tonumber(requests), limit = tonumber(per_minute_requests)}
  end
  if per_minute_tokens ~= '' then
    wanted.tokens = {amount = tonumber(tokens), limit = tonumber(per_minute_tokens)}
  end
  return wanted
end

local ask = {}

function ask.admit(ident, run, amount, budget, lane, requests, tokens, lease, per_requests, per_tokens)
  if redis.call('HEXISTS', sums, 'stopped ' .. run) == 1 then return {'stopped'} end
  expire()
  local known = string.match(redis.call('HGET', admitted, ident) or '', '^%d+ %a+ (%S+)')
  if known then return {'admitted', written(tonumber(known) - now)} end
  if budget ~= '' and amount ~= '0' then
    local needed = sum(get('spent'), get('unknown'), amount)
    if is_less(budget, needed) then return {'refused', get('spent'), get('reserved'), get('unknown')} end
    if is_less(budget, sum(needed, get('reserved'))) then return {'wait'} end
  end
  local at = turn(lane, limits_of(requests, tokens, per_requests, per_tokens))
  local rest = table.concat({written(at), requests, tokens, lane}, ' ')
  redis.call('HSET', admitted, ident, amount .. ' open ' .. rest)
  redis.call('ZADD', leases, written(at + tonumber(lease)), ident)
  add('reserved', amount)
  return {'admitted', written(at - now)}
end

function ask.settle(ident, cost, at_least, unsent, per_requests, per_tokens)
  local known = redis.call('HGET', admitted, ident)
  if not known then return {} end
  redis.call('HDEL', admitted, ident)
  redis.call('ZREM', leases, ident)
  local amount, state, requests, tokens, lane =
    string.match(known, '^(%d+) (%a+) %S+ (%d+) (%d+) (.*)$')
  subtract(state == 'late' and 'unknown' or 'reserved', amount)
  if cost == '' then
    add('unknown', amount)
  else
    add('spent', cost)
    if at_least ~= '' and is_less(cost, amount) then
      add('unknown', amount)
      subtract('unknown', cost)
    end
  end
  if unsent ~= '' then
    for kind, want in pairs(limits_of(requests, tokens, per_requests, per_tokens)) do
      local held = bucket(lane, kind, want.limit, now)
      held.level = math.min(held.limit, held.level + want.amount)
      keep(held)
    end
  end
  return {}
end

function ask.carry(key, spent, unknown)
  if redis.call('HSETNX', sums, 'carried ' .. key, 1) == 1 then
    add('spent', spent)
    add('unknown', unknown)
  end
  return {}
end

function ask.stop(run)
  redis.call('HSET', sums, 'stopped ' .. run, 1)
  return {}
end

function ask.standing()
  expire()
  return {get('spent'), get('reserved'), get('unknown')}
end

return ask[ARGV[1]](unpack(ARGV, 2))
