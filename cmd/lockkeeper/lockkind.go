package main

import "fmt"

// kind says in one word what the command runs under.
func (c *lockConfig) kind() string {
	switch {
	case c.elect != nil:
		return "election"
	case c.barrier != nil:
		return "barrier"
	}
	return "lock"
}

// thing says what the command runs under.
func (c *lockConfig) thing() string {
	switch {
	case c.elect != nil:
		return fmt.Sprintf("the lead of %q", c.name)
	case c.barrier != nil:
		return fmt.Sprintf("the double barrier %q", c.name)
	case c.permits > 0:
		return fmt.Sprintf("semaphore %q", c.name)
	}
	return fmt.Sprintf("lock %q", c.name)
}

// inspecting is the command that shows who waits.
func (c *lockConfig) inspecting() string {
	if c.elect != nil {
		return "leader"
	}
	return "inspect"
}

// variable has the name in the command's environment.
func (c *lockConfig) variable() string {
	switch {
	case c.elect != nil:
		return "LOCKKEEPER_ELECTION_NAME"
	case c.barrier != nil:
		return "LOCKKEEPER_BARRIER"
	}
	return "LOCKKEEPER_LOCK"
}

// begins is the event before the command starts.
func (c *lockConfig) begins() string {
	if c.barrier != nil {
		return "entered"
	}
	return "acquired"
}

// anew says what comes after a loss with --again.
func (c *lockConfig) anew() string {
	if c.elect != nil {
		return "Campaigning again"
	}
	return "Waiting for it again"
}

// leftBehind says what is wrong with a command that has ended and has left others running.
func (c *lockConfig) leftBehind() string {
	if c.everything {
		return "the command has ended and has left processes behind"
	}
	return "the command has ended and has left processes in its group"
}
