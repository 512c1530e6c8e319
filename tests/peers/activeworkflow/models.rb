# Runs the models, the jobs and the workers of an ActiveWorkflow that is on this machine:
#
#     ruby models.rb CHECKOUT control|worker
#
# CHECKOUT is a copy of its repository. All but its web pages is used as it is: models, validations,
# jobs, the propagator, the HTTP client, and delayed_job. PGHOST and the like name an empty PostgreSQL
# database, REMOTE_AGENT_URL the agent. "control" does what comes as lines of JSON on stdin, and
# answers with one line each; "worker" works off jobs until it is killed. Gems are Debian's.

require 'json'
require 'logger'

CHECKOUT = File.expand_path(ARGV.fetch(0))
$LOAD_PATH.unshift(File.join(CHECKOUT, 'lib'))

require 'rails'
require 'active_model/railtie'
require 'active_job/railtie'
require 'active_record/railtie'
require 'action_controller/railtie'
require 'devise'
require 'devise/orm/active_record'
require 'delayed_job_active_record'
require 'faraday'
require 'kramdown'
require 'liquid'

# The models were written for Ruby 2, to which a last hash is as good as keywords.
ActiveRecord::Base.prepend(
  Module.new do
    def save(options = {}, **keywords)
      super(**options, **keywords)
    end

    def save!(options = {}, **keywords)
      super(**options, **keywords)
    end
  end
)

class Host < Rails::Application
  config.root = CHECKOUT
  config.load_defaults 5.2
  config.eager_load = false
  config.cache_classes = true
  config.secret_key_base = 'not used'
  config.logger = Logger.new(nil)
  config.active_job.queue_adapter = :delayed_job
  config.active_support.escape_html_entities_in_json = true
  config.autoload_paths += [File.join(CHECKOUT, 'lib'), File.join(CHECKOUT, 'app', 'jobs')]
  # These want gems that are for pages only. What the jobs need of them is loaded below.
  %w[config/initializers config/routes.rb config/environments config/database].each do |path|
    config.paths[path] = []
  end
end

ENV['DATABASE_URL'] = 'postgresql:///' + ENV.fetch('PGDATABASE')
Host.initialize!
load File.join(CHECKOUT, 'config', 'initializers', 'delayed_job.rb')
Delayed::Worker.delay_jobs = true

def with_registration
  load File.join(CHECKOUT, 'config', 'initializers', 'remote_agents.rb')
end

# What control is told to do.
class Control
  def create(_)
    ActiveRecord::Schema.verbose = false
    load File.join(CHECKOUT, 'db', 'schema.rb')
    with_registration
    @user = User.new(username: 'somebody', email: 'somebody@example.com', password: 'password')
    @user.save!(validate: false)
    @source = Agents::ManualMessageAgent.new(name: 'source')
    @source.user = @user
    @source.save!
    nil
  end

  def agent(command)
    agent = Agents.const_get(command.fetch('type')).new(
      name: command.fetch('name'), options: command.fetch('options'), schedule: 'never',
      memory: command.fetch('memory', {}), sources: [@source]
    )
    agent.user = @user
    agent.save!
    agent.id
  end

  def emit(command)
    command.fetch('payloads').each { |payload| @source.create_message(payload: payload) }
    require 'active_workflow/agent_scheduler'
    ActiveWorkflow::AgentScheduler.new.send(:propagate!)
    nil
  end

  def check(command)
    Agent.async_check(command.fetch('agent'))
    nil
  end

  # Jobs that wait for their next attempt are due now, and so are those of workers that died.
  def hasten(command)
    jobs = Delayed::Job.where(failed_at: nil)
    jobs.where(locked_by: command.fetch('dead')).update_all(locked_by: nil, locked_at: nil)
    jobs.where('run_at > ?', Time.now).update_all(run_at: Time.now)
    nil
  end

  def state(_)
    agents = Agent.where.not(id: @source.id).order(:id).map do |agent|
      logs = agent.logs.reorder(:id)
      { id: agent.id, memory: agent.memory, messages: agent.messages.reorder(:id).map(&:payload),
        logs: logs.select { |log| log.level < 4 }.map(&:message),
        errors: logs.select { |log| log.level >= 4 }.map(&:message) }
    end
    jobs = Delayed::Job.all
    { agents: agents, waiting: jobs.where(failed_at: nil).count,
      given_up: jobs.where.not(failed_at: nil).count }
  end
end

case ARGV.fetch(1)
when 'control'
  answers = $stdout.dup
  answers.sync = true
  $stdout.reopen($stderr) # the application writes to it
  control = Control.new
  while (line = $stdin.gets)
    command = JSON.parse(line)
    answers.puts(JSON.generate(control.send(command.fetch('do'), command)))
  end
when 'worker'
  with_registration
  $stdout.puts('ready')
  $stdout.flush
  Delayed::Worker.sleep_delay = 0.1
  worker = Delayed::Worker.new(quiet: true)
  worker.name = ARGV.fetch(2)
  worker.start
end
