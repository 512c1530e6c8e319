# Plays ActiveWorkflow to an agent, with the real HTTP client and several workers:
#
#     ruby jobs.rb DIRECTORY control|worker
#
# Written from what the application was measured to do, for machines without it. The state is in a
# file of DIRECTORY, of which each change is a transaction of its own: entries, messages and memory
# are stored one by one. REMOTE_AGENT_URL names the agent. "control" does what comes as lines of
# JSON on stdin, and answers with one line each; "worker" works off jobs until it is killed.

require 'json'
require 'pstore'
require 'active_support'
require 'active_support/json'
require 'active_support/core_ext'
require 'faraday'

ActiveSupport::JSON::Encoding.escape_html_entities_in_json = true

ATTEMPTS = 5
MAX_RUN_TIME = 120

STORE = PStore.new(File.join(ARGV.fetch(0), 'state'))
STORE.ultra_safe = true # also of processes that are killed
# The file of the state is another one after each change: its own lock would be of no use.
LOCK = File.open(File.join(ARGV.fetch(0), 'lock'), File::CREAT | File::RDWR)

def transaction(&block)
  LOCK.flock(File::LOCK_EX)
  STORE.transaction(false, &block)
ensure
  LOCK.flock(File::LOCK_UN)
end

def enqueue(agent, message)
  STORE[:jobs] << { agent: agent, message: message, attempts: 0, run_at: Time.now.to_f,
                    id: STORE[:next_id] += 1 }
end

# What control is told to do.
class Control
  def create(_)
    transaction do
      STORE[:agents] = []
      STORE[:jobs] = []
      STORE[:given_up] = 0
      STORE[:next_id] = 0
    end
    result = JSON.parse(post({ method: 'register', params: {} })).fetch('result')
    raise 'no name' unless result.fetch('name').match?(/\A[A-Z]\w*\z/)
  end

  def agent(command)
    transaction do
      STORE[:agents] << { options: command.fetch('options'), memory: command.fetch('memory', {}),
                          messages: [], logs: [], errors: [] }
      STORE[:agents].length - 1
    end
  end

  def emit(command)
    transaction do
      messages = command.fetch('payloads').map do |payload|
        now = Time.now.utc.iso8601(3)
        { id: STORE[:next_id] += 1, user_id: 1, agent_id: 1, payload: payload,
          created_at: now, updated_at: now, expires_at: nil }
      end
      STORE[:agents].each_index do |agent|
        messages.reverse_each { |message| enqueue(agent, message) } # the newest first
      end
    end
    nil
  end

  def check(command)
    transaction { enqueue(command.fetch('agent'), nil) }
    nil
  end

  def hasten(command)
    transaction do
      STORE[:jobs].each do |job|
        job[:run_at] = [job[:run_at], Time.now.to_f].min
        job[:locked_by] = nil if command.fetch('dead').include?(job[:locked_by])
      end
    end
    nil
  end

  def state(_)
    transaction do
      agents = STORE[:agents].each_with_index.map { |agent, id| agent.merge(id: id) }
      { agents: agents, waiting: STORE[:jobs].length, given_up: STORE[:given_up] }
    end
  end
end

def post(body)
  response = Faraday.post(ENV.fetch('REMOTE_AGENT_URL')) do |request|
    request.headers['Content-Type'] = 'application/json'
    request.body = body.to_json
  end
  response.body
end

# Works off jobs, one at a time.
class Worker
  def initialize(name)
    @name = name
  end

  def run
    loop do
      job = reserve
      job ? perform(job) : sleep(0.05)
    end
  end

  private

  def reserve
    transaction do
      now = Time.now.to_f
      job = STORE[:jobs].find do |each|
        each[:run_at] <= now && (each[:locked_by].nil? || each[:locked_at] < now - MAX_RUN_TIME)
      end
      job&.merge!(locked_by: @name, locked_at: now)
      Marshal.load(Marshal.dump(job))
    end
  end

  def perform(job)
    agent = transaction { Marshal.load(Marshal.dump(STORE[:agents][job[:agent]])) }
    store(job, agent[:memory], JSON.parse(call(job, agent)).fetch('result'))
    transaction { STORE[:jobs].delete_if { |each| each[:id] == job[:id] } }
  rescue StandardError => error
    failed(job, error)
  end

  def call(job, agent)
    post({ method: job[:message] ? 'receive' : 'check',
           params: { options: agent[:options], memory: agent[:memory],
                     credentials: [{ name: 'key', value: 'value of the credential' }],
                     message: job[:message] } })
  end

  def store(job, snapshot, result)
    result.fetch('errors', []).each { |text| add(job, :errors, entry(text)) }
    result.fetch('logs', []).each { |text| add(job, :logs, entry(text)) }
    memory = result.fetch('memory', snapshot)
    result.fetch('messages', []).each do |payload|
      raise 'no object' unless payload.is_a?(Hash)

      add(job, :messages, payload)
    end
    raise 'no object' unless memory.is_a?(Hash)

    transaction { STORE[:agents][job[:agent]][:memory] = memory } if memory != snapshot
  end

  def entry(text)
    raise "Validation failed: Message can't be blank" if text.to_s.strip.empty?

    text.to_s
  end

  def add(job, kind, item)
    transaction { STORE[:agents][job[:agent]][kind] << item }
  end

  def failed(job, error)
    method = job[:message] ? 'receive' : 'check'
    add(job, :errors, "Exception during #{method}. #{error.message}: #{error.backtrace.first}")
    transaction do
      kept = STORE[:jobs].find { |each| each[:id] == job[:id] }
      kept[:attempts] += 1
      kept[:locked_by] = nil
      kept[:run_at] = Time.now.to_f + kept[:attempts]**4 + 5
      if kept[:attempts] == ATTEMPTS
        STORE[:given_up] += 1
        STORE[:jobs].delete(kept)
      end
    end
  end
end

case ARGV.fetch(1)
when 'control'
  $stdout.sync = true
  control = Control.new
  while (line = $stdin.gets)
    command = JSON.parse(line)
    puts(JSON.generate(control.send(command.fetch('do'), command)))
  end
when 'worker'
  puts('ready')
  $stdout.flush
  Worker.new(ARGV.fetch(2)).run
end
